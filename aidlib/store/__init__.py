"""The data store: Parquet partitions named by their content, numbered manifests, and the restricted side beside it."""

from aidlib.store.folder import Store
from aidlib.store.restricted import add_identities, enter_audit, read_contacts, restricted_folder, write_restricted

__all__ = ["Store", "add_identities", "enter_audit", "read_contacts", "restricted_folder", "write_restricted"]
