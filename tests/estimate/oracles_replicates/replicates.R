# Replicate variances of R survey 4.1.1: Rscript replicates.R > replicates.json
suppressMessages({library(survey); library(jsonlite)})
data(api); data(scd)
fig <- function(x) list(estimate = unname(coef(x)), se = unname(as.vector(SE(x))))
all <- function(d) list(mean = fig(svymean(~api00, d)), total = fig(svytotal(~enroll, d, na.rm = TRUE)), ratio = fig(svyratio(~api.stu, ~enroll, d, na.rm = TRUE)))
strat <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat, fpc = ~fpc)
strat0 <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat)
clus1 <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1, fpc = ~fpc)
clus0 <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1)
pop <- c(`(Intercept)` = 6194, stypeH = 755, stypeM = 1018)
tay <- svydesign(data = scd, id = ~ambulance, strata = ~ESA, nest = TRUE)
surv <- function(d) fig(svyratio(~alive, ~arrests, d))
out <- list(
  strat_jkn_fpc = all(as.svrepdesign(strat, type = "JKn", mse = TRUE)),
  strat_jkn = all(as.svrepdesign(strat0, type = "JKn", mse = TRUE)),
  strat_jkn_mean = all(as.svrepdesign(strat0, type = "JKn", mse = FALSE)),
  clus1_jk1_fpc = all(as.svrepdesign(clus1, type = "JK1", mse = TRUE)),
  clus1_jk1 = all(as.svrepdesign(clus0, type = "JK1", mse = TRUE)),
  clus1_jk1_calibrated = all(calibrate(as.svrepdesign(clus0, type = "JK1", mse = TRUE), ~stype, pop)),
  scd_brr = surv(as.svrepdesign(tay, type = "BRR", mse = TRUE)),
  scd_fay = surv(as.svrepdesign(tay, type = "Fay", fay.rho = 0.3, mse = TRUE)))
cat(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE))
