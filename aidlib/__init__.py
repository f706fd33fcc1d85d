"""aidlib: hardship surveys from raw exports to published, disclosure-safe, bilingual reports."""

__version__ = "0.1.0"
