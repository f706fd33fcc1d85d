# Price indices of households and groups by R's survey: Rscript indices.R ../../../../shared/data/vietnam indices.json
# Food up 10 %, all else 2 %. Democratic: the mean of the households' own indices. Plutocratic: all households' basket now
# over then, as a ratio of totals. Persons: weight = household size; strata urban, clusters communes (nested).
library(survey)
library(jsonlite)
arguments <- commandArgs(trailingOnly = TRUE)
sample <- read.csv(file.path(arguments[1], "vietnam_lsms_1997_households.csv"))
sample$food <- exp(sample$lnrlfood)
sample$rest <- pmax(exp(sample$lntotal) - sample$food, 0)
sample$spent <- sample$food + sample$rest
sample$dear <- 1.10 * sample$food + 1.02 * sample$rest
sample$cheap <- sample$food / 1.10 + sample$rest / 1.02
sample$laspeyres <- 100 * sample$dear / sample$spent
sample$paasche <- 100 * sample$spent / sample$cheap
design <- svydesign(~commune, strata = ~urban, weights = ~hhsize, data = sample, nest = TRUE)
groups <- list(no = subset(design, urban == "no"), yes = subset(design, urban == "yes"), all = design)
told <- function(f) {
  found <- lapply(groups, f)
  list(estimate = unname(sapply(found, function(x) coef(x)[[1]])), se = unname(sapply(found, function(x) SE(x)[[1]])))
}
scaled <- function(x) list(estimate = 100 * x$estimate, se = 100 * x$se)
out <- list(
  how = paste("survey", packageVersion("survey"), R.version.string),
  democratic_laspeyres = told(function(d) svymean(~laspeyres, d)),
  democratic_paasche = told(function(d) svymean(~paasche, d)),
  plutocratic_laspeyres = scaled(told(function(d) svyratio(~dear, ~spent, d))),
  plutocratic_paasche = scaled(told(function(d) svyratio(~spent, ~cheap, d)))
)
write(toJSON(out, auto_unbox = TRUE, digits = NA, pretty = TRUE), arguments[2])
