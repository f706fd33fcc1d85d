# Reference values of tests/relapse/test_curves.py, test_incidence.py and test_logrank.py, and the small data they are
# of: Rscript tests/relapse/oracles/curves.R (R 4.2.2, survival 3.5.3, survey 4.1.1, cmprsk). Writes curves.json and
# curves_*.csv beside itself. Data: lung and mgus2 of the survival package, and a made-up sample.
suppressPackageStartupMessages({library(survival); library(survey); library(jsonlite); library(cmprsk)})
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
save <- function(data, name) write.csv(data, file.path(here, name), row.names = FALSE)
design_se <- function(influence, design)  # weighted influence values (rows x times) -> standard errors of the design
  sqrt(diag(svyrecvar(influence, design$cluster, design$strata, design$fpc, postStrata = NULL)))

# lung: institutions as clusters, weights made up; ties between events and censoring occur as they are
lung <- na.omit(survival::lung[, c("inst", "time", "status", "sex", "age")])
set.seed(20250101)
lung <- data.frame(inst = lung$inst, time = lung$time, event = lung$status - 1, sex = lung$sex,
                   weight = round(runif(nrow(lung), 1, 4), 3))
lung$stratum <- 1 + (lung$inst > 10)
lung$group <- sample(c("a", "b", "c"), nrow(lung), replace = TRUE)
lung$untied <- lung$time + rank(lung$time + runif(nrow(lung)) / 2) / 1000  # svylogrank's hazard breaks ties after Efron
save(lung, "curves_lung.csv")
fit <- survfit(Surv(time, event) ~ 1, lung, weights = weight, cluster = inst)
by <- summary(survfit(Surv(time, event) ~ sex, lung, weights = weight, cluster = inst), times = c(100, 200, 365, 700))
at <- c(100, 200, 365, 700)
strat <- svydesign(~inst, strata = ~stratum, weights = ~weight, data = lung)
one <- survfit(Surv(time, event) ~ 1, lung, weights = weight, id = seq_len(nrow(lung)))
residual <- function(type) resid(one, times = at, type = type, weighted = TRUE)
sv <- svykm(Surv(time, event) ~ 1, strat, se = TRUE)
sv_at <- sapply(at, function(t) sum(sv$time <= t))
greenwood <- summary(survfit(Surv(time, event) ~ 1, lung), times = at)
kept <- fit$n.event > 0
found <- list(lung = list(
  clusters = length(unique(lung$inst)),
  time = fit$time[kept], survival = fit$surv[kept], survival_se = summary(fit, times = fit$time)$std.err[kept],
  hazard = fit$cumhaz[kept], hazard_se = fit$std.chaz[kept],
  by_sex = list(sex = as.character(as.integer(by$strata)), time = by$time, survival = by$surv, se = by$std.err),
  at = at,
  stratified = list(survival_se = design_se(residual("pstate"), strat),
                    hazard_se = design_se(residual("cumhaz"), strat),
                    svykm_hazard_se = sqrt(sv$varlog[sv_at]), svykm_survival = sv$surv[sv_at],
                    area = unname(summary(one, rmean = 700)$table["rmean"]),
                    area_se = design_se(resid(one, times = 700, type = "auc", weighted = TRUE), strat)),
  greenwood = list(survival = greenwood$surv, se = greenwood$std.err),
  median = unname(quantile(survfit(Surv(time, event) ~ 1, lung, conf.type = "log-log"), 0.5)$quantile)
))

# log-rank tests: without ties R's svylogrank, with ties the totals of the rows' shares written out
test <- function(formula, rho) unname(svylogrank(formula, strat, rho = rho)[[2]]["Chisq"])
written_out <- function(group, rho, data, design) {
  times <- sort(unique(data$time[data$event == 1])); w <- data$weight; start <- if (is.null(data$entry)) 0 else data$entry
  Y <- outer(data$time, times, ">=") & outer(start + 0 * data$time, times, "<")
  dN <- outer(data$time, times, "==") * data$event
  hazard <- colSums(w * dN) / colSums(w * Y)
  W <- c(1, cumprod(1 - hazard))[seq_along(times)]^rho
  Z <- model.matrix(~group)[, -1, drop = FALSE]
  U <- apply(Z, 2, function(z) {
    away <- outer(z, colSums(w * z * Y) / colSums(w * Y), "-")
    rowSums(away * (dN - Y * rep(hazard, each = nrow(data))) * rep(W, each = nrow(data)))
  })
  total <- svytotal(U, design)
  drop(coef(total) %*% solve(vcov(total), coef(total)))
}
found$logrank <- list(
  untied = list(sex0 = test(Surv(untied, event) ~ factor(sex), 0), sex1 = test(Surv(untied, event) ~ factor(sex), 1),
                group0 = test(Surv(untied, event) ~ group, 0), group1 = test(Surv(untied, event) ~ group, 1)),
  tied = list(sex0 = written_out(factor(lung$sex), 0, lung, strat), group1 = written_out(lung$group, 1, lung, strat)),
  classical = c(survdiff(Surv(time, event) ~ sex, lung)$chisq, survdiff(Surv(time, event) ~ sex, lung, rho = 1)$chisq),
  df = degf(strat)
)

# mgus2: progression (pcm) or death without it
mgus <- survival::mgus2
etime <- ifelse(mgus$pstat == 1, mgus$ptime, mgus$futime)
state <- ifelse(mgus$pstat == 1, "pcm", ifelse(mgus$death == 1, "death", ""))
mgus <- data.frame(time = etime, exit = state, sex = as.character(mgus$sex), weight = round(runif(nrow(mgus), 1, 4), 3),
                   psu = sample(1:60, nrow(mgus), replace = TRUE))
mgus <- mgus[mgus$time > 0, ]
mgus$stratum <- mgus$psu %% 4
mgus$size <- 40
save(mgus, "curves_mgus.csv")
mgus$exit <- factor(mgus$exit, c("", "death", "pcm"))
at <- c(12, 60, 120, 240)
one <- survfit(Surv(time, exit) ~ 1, mgus, weights = weight, id = seq_len(nrow(mgus)))
inside <- summary(one, times = at)  # survfit leaves clusters out of the errors of several states, so these are by row
values <- resid(one, times = at, type = "pstate", weighted = TRUE)  # rows x times x states
strat <- svydesign(~psu, strata = ~stratum, fpc = ~size, weights = ~weight, data = mgus)
gray <- cuminc(mgus$time, as.integer(mgus$exit) - 1, mgus$sex)
gray_at <- timepoints(gray, at)
found$mgus <- list(
  clusters = length(unique(mgus$psu)), at = at,
  death = inside$pstate[, 2], pcm = inside$pstate[, 3], row_death_se = inside$std.err[, 2], row_pcm_se = inside$std.err[, 3], rows = nrow(mgus),
  death_se = sqrt(colSums(rowsum(values[, , 2], mgus$psu)^2)), pcm_se = sqrt(colSums(rowsum(values[, , 3], mgus$psu)^2)),
  stratified = list(death_se = design_se(values[, , 2], strat), pcm_se = design_se(values[, , 3], strat)),
  cmprsk = list(rows = rownames(gray_at$est), est = unname(gray_at$est))
)

# made up: clusters in strata, weights, late entry, units in several rows, ties, three causes
set.seed(7)
psus <- 36; n <- 480
psu <- sample(1:psus, n, replace = TRUE)
effect <- rnorm(psus, 0, 0.5)[psu]
entry <- ifelse(runif(n) < 0.4, round(rexp(n, 1 / 2), 1), 0)
length <- pmax(round(entry + rexp(n, exp(-1.8 + effect)), 1), entry + 0.1)
cens <- entry + round(runif(n, 0.5, 12), 1)
time <- round(pmin(length, cens), 1)
exit <- ifelse(length <= cens, sample(c("economic", "supported", "death"), n, replace = TRUE, prob = c(.6, .25, .15)), "")
made <- data.frame(unit = 1:n, psu = psu, stratum = psu %% 3, weight = round(runif(n, 1, 5), 2), entry = entry,
                   time = time, exit = exit, group = sample(c("a", "b", "c"), n, replace = TRUE))
cut <- made$time - made$entry > 3  # one unit in two rows
first <- transform(made[cut, ], time = entry + 1.5, exit = "")
second <- transform(made[cut, ], entry = entry + 1.5)
made <- rbind(made[!cut, ], first, second)
made$event <- as.integer(made$exit != "")
save(made, "curves_staggered.csv")
at <- c(1, 2.5, 5, 8)
km <- survfit(Surv(entry, time, event) ~ 1, made, weights = weight, id = unit, cluster = psu)
km_at <- summary(km, times = at)
made$state <- factor(made$exit, c("", "death", "economic", "supported"))
aj <- survfit(Surv(entry, time, state) ~ 1, made, weights = weight, id = unit, cluster = psu)
aj_at <- summary(aj, times = at)
units <- made[!duplicated(made$unit), ]
strat <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = units)
weighted <- function(fit, type) {  # influence by unit; its own weighting fails for units in several rows
  values <- resid(fit, times = at, type = type)
  stopifnot(identical(as.integer(dimnames(values)[[1]]), units$unit))
  values * units$weight
}
one <- survfit(Surv(entry, time, event) ~ 1, made, weights = weight, id = unit)
every <- survfit(Surv(entry, time, state) ~ 1, made, weights = weight, id = unit)
states <- weighted(every, "pstate")  # units x times x states
rows_design <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = made)
death <- transform(made, event = as.integer(exit == "death"))
found$logrank$staggered <- list(event = written_out(made$group, 0, made, rows_design),
                                death = written_out(made$group, 1, death, rows_design), df = degf(rows_design))
found$staggered <- list(
  clusters = length(unique(made$psu)), at = at,
  survival = km_at$surv, survival_se = km_at$std.err, hazard = km_at$cumhaz, hazard_se = km_at$std.chaz,
  incidence = aj_at$pstate[, 2:4], unit_incidence_se = aj_at$std.err[, 2:4],
  stratified = list(survival_se = design_se(weighted(one, "pstate"), strat),
                    hazard_se = design_se(weighted(one, "cumhaz"), strat),
                    incidence_se = sapply(2:4, function(s) design_se(states[, , s], strat)))
)
writeLines(toJSON(found, digits = NA, auto_unbox = TRUE, pretty = TRUE), file.path(here, "curves.json"))
