# Rscript accuracy.R: AUC by survival::concordance (weights, clusters), calibration by survey::svyglm; figures as JSON.
suppressMessages({library(survival); library(survey)})
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
sample <- read.csv(file.path(here, "accuracy.csv"))
auc <- function(formula) {
  found <- concordance(formula, data = sample, weights = weight, cluster = psu)
  list(auc = unname(found$concordance), se = unname(sqrt(diag(as.matrix(found$var)))))
}
first <- concordance(returned ~ risk, sample, weights = weight, cluster = psu, influence = 1)
second <- concordance(returned ~ other, sample, weights = weight, cluster = psu, influence = 1)
paired <- first$dfbeta - second$dfbeta # concordance has summed them by cluster
year <- concordance(returned ~ risk + strata(year), sample, weights = weight, cluster = psu)
design <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = sample, nest = TRUE)
slope <- svyglm(returned ~ qlogis(risk), design, family = quasibinomial(), epsilon = 1e-14, maxit = 50)
large <- svyglm(returned ~ offset(qlogis(risk)), design, family = quasibinomial(), epsilon = 1e-14, maxit = 50)
brier <- svymean(~I((returned - risk)^2), design)
numbers <- function(x) paste0("[", paste(format(x, digits = 17), collapse = ", "), "]")
cat(sprintf('{\n "auc": %s,\n "other": %s,\n "paired": %s,\n "year": %s,\n "calibration": %s,\n "brier": %s\n}\n',
  numbers(unlist(auc(returned ~ risk))), numbers(unlist(auc(returned ~ other))),
  numbers(c(first$concordance - second$concordance, sqrt(sum(paired^2)))),
  numbers(c(year$concordance, sqrt(year$var))),
  numbers(c(rbind(coef(slope), SE(slope)), coef(large), SE(large))),
  numbers(c(coef(brier), SE(brier)))), file = file.path(here, "accuracy.json"))
