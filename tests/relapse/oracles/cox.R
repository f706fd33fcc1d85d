# Figures of R's survival, survey and cmprsk for aidlib.relapse: Rscript cox.R, in this folder. Writes cox_*.csv, cox.json.
suppressPackageStartupMessages({library(survival); library(survey); library(cmprsk); library(jsonlite)})
put <- function(d, name) write.csv(d, paste0("cox_", name, ".csv"), row.names = FALSE, na = "")
sharp <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60)
vec <- function(x) as.list(setNames(as.numeric(x), names(x)))
cx <- function(f, d, ...) {
  m <- do.call(coxph, c(list(f, data = d, control = sharp), lapply(as.list(substitute(list(...)))[-1], eval, d)))
  list(coef = vec(coef(m)), se = vec(setNames(sqrt(diag(vcov(m))), names(coef(m)))), loglik = m$loglik[2], n = m$n, events = m$nevent)
}
# svycoxph hands ties= to model.frame; method= is its old name
sv <- function(f, design, ...) {
  m <- do.call(svycoxph, list(f, design = design, control = sharp, ...))
  list(coef = vec(coef(m)), se = vec(setNames(sqrt(diag(vcov(m))), names(coef(m)))))
}
zph <- function(m) lapply(setNames(nm = c("km", "identity", "log", "rank")), function(g) {
  z <- cox.zph(m, transform = g)$table
  list(term = rownames(z), chisq = z[, 1], df = z[, 2], p = z[, 3])
})
R <- list(version = list(R = as.character(getRversion()), survival = as.character(packageVersion("survival")),
  survey = as.character(packageVersion("survey")), cmprsk = as.character(packageVersion("cmprsk"))))

lung <- within(survival::lung[, c("inst", "time", "status", "age", "sex", "ph.ecog", "wt.loss")], status <- status - 1)
names(lung) <- c("inst", "time", "status", "age", "sex", "ecog", "loss")
lung <- lung[!is.na(lung$inst), ]; lung$weight <- 0.5 + (seq_len(nrow(lung)) * 7) %% 11 / 5
veteran <- survival::veteran; ovarian <- survival::ovarian
heart <- survival::heart; heart$transplant <- as.integer(heart$transplant) - 1; heart$weight <- 1 + (heart$id * 5) %% 7 / 3
put(lung, "lung"); put(veteran, "veteran"); put(ovarian, "ovarian"); put(heart, "heart"); put(survival::bladder2, "bladder2"); put(survival::bladder, "bladder")

R$lung_efron <- cx(Surv(time, status) ~ age + sex + ecog, lung)
R$lung_weights_cluster <- cx(Surv(time, status) ~ age + sex + ecog, lung, weights = weight, cluster = inst)
R$lung_robust <- cx(Surv(time, status) ~ age + sex + ecog, lung, weights = weight, robust = TRUE)
R$lung_strata_breslow <- cx(Surv(time, status) ~ age + ecog + strata(sex), lung, ties = "breslow", weights = weight, robust = TRUE)
R$ovarian <- cx(Surv(futime, fustat) ~ age + rx, ovarian)
R$veteran <- cx(Surv(time, status) ~ trt + celltype + karno + age, veteran)
R$veteran_cluster <- cx(Surv(time, status) ~ trt + celltype + karno + age, veteran, cluster = prior * 100 + diagtime)
R$heart_efron <- cx(Surv(start, stop, event) ~ age + year + surgery + transplant, heart)
R$heart_cluster <- cx(Surv(start, stop, event) ~ age + year + surgery + transplant, heart, weights = weight, cluster = id)
R$heart_breslow <- cx(Surv(start, stop, event) ~ age + year + strata(surgery), heart, weights = weight, cluster = id, ties = "breslow")

# Weighted start-stop rows with many ties, strata, clusters and two causes.
set.seed(20250101); n <- 480
cohort <- data.frame(id = seq_len(n), stratum = rep(1:4, each = 120), psu = rep(1:40, each = 12))
cohort <- within(cohort, {
  region_size <- c(200, 150, 180, 120)[stratum]; weight <- round(runif(n, 0.5, 4), 3); kind <- sample(c("a", "b", "c"), n, TRUE)
  x <- round(rnorm(n) + rnorm(40, 0, 0.5)[psu], 3); z <- round(runif(n, 20, 70)); start <- sample(0:3, n, TRUE)
  t <- ceiling(3 * rexp(n, exp(0.4 * x - 0.5 * (kind == "b")) / 2)); c <- sample(2:9, n, TRUE)
  stop <- start + pmin(t, c); event <- as.integer(t <= c); time <- pmin(t, c)
  cause <- ifelse(event == 1, ifelse(runif(n) < 0.6, "economic", "death"), ""); t <- NULL; c <- NULL
})
put(cohort, "cohort")
f <- Surv(start, stop, event) ~ x + kind + z
R$cohort_efron <- cx(f, cohort, weights = weight, cluster = psu)
R$cohort_breslow <- cx(f, cohort, weights = weight, cluster = psu, ties = "breslow")
R$cohort_strata <- cx(Surv(start, stop, event) ~ x + z + strata(kind), cohort, weights = weight, cluster = psu)
R$cohort_cause <- cx(Surv(start, stop, cause == "economic") ~ x + kind + z, cohort, weights = weight, cluster = psu)
plain <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = cohort)
cohort$total <- c(20, 25, 18, 22)[cohort$stratum]
fpc <- svydesign(~psu, strata = ~stratum, fpc = ~total, weights = ~weight, data = cohort)
R$svy <- sv(f, plain); R$svy_breslow <- sv(f, plain, method = "breslow"); R$svy_fpc <- sv(f, fpc)
R$svy_strata <- sv(Surv(start, stop, event) ~ x + z + strata(kind), plain)
R$svy_part <- sv(f, subset(plain, x > 0))
raked <- calibrate(plain, ~kind + x, c("(Intercept)" = 1100, kindb = 380, kindc = 360, x = 60))
put(data.frame(id = cohort$id, raked = weights(raked)), "calibrated"); R$svy_calibrated <- sv(f, raked)
jk <- as.svrepdesign(plain, type = "JKn"); m <- svycoxph(Surv(start, stop, event) ~ x + kind + z, design = jk)
R$svy_jkn <- list(coef = vec(coef(m)), se = vec(setNames(sqrt(diag(vcov(m))), names(coef(m)))))

# Baseline: cumulative hazard at x = 0, kind a, z = 45.
at <- data.frame(x = 0, kind = "a", z = 45)
for (ties in c("efron", "breslow")) {
  m <- coxph(f, cohort, weights = weight, ties = ties, control = sharp); s <- summary(survfit(m, at), times = 1:9)
  R[[paste0("baseline_", ties)]] <- list(time = s$time, cumhaz = s$cumhaz)
}
m <- coxph(Surv(time, status) ~ age + sex, lung, ties = "efron", control = sharp); s <- summary(survfit(m, data.frame(age = 60, sex = 1)), times = c(100, 300, 500))
R$baseline_lung <- list(time = s$time, cumhaz = s$cumhaz)
gm <- function(m, d, t) mean(1 - exp(-sapply(seq_len(nrow(d)), function(i) summary(survfit(m, d[i, ]), times = t)$cumhaz)))
m <- coxph(Surv(time, status) ~ age + sex, lung, control = sharp)
R$effect_lung <- list(at = 365, one = gm(m, transform(lung, sex = 1), 365), two = gm(m, transform(lung, sex = 2), 365))

# Recurrent events: the bladder cancer data, robust by patient.
b <- survival::bladder2
R$andersen_gill <- cx(Surv(start, stop, event) ~ rx + size + number, b, cluster = id)
R$pwp_total <- cx(Surv(start, stop, event) ~ rx + size + number + strata(enum), b, cluster = id)
R$pwp_gap <- cx(Surv(stop - start, event) ~ rx + size + number + strata(enum), b, cluster = id)
b$three <- pmin(b$enum, 3)
R$pwp_gap_three <- cx(Surv(stop - start, event) ~ rx + size + number + strata(three), b, cluster = id)
R$marginal <- cx(Surv(stop, event) ~ rx + size + number + strata(enum), survival::bladder, cluster = id)

# Fine-Gray.
mgus <- survival::mgus2[, c("id", "age", "sex", "mspike", "ptime", "pstat", "futime", "death")]
mgus$time <- with(mgus, ifelse(pstat == 0, futime, ptime)); mgus$cause <- with(mgus, ifelse(pstat == 1, "pcm", ifelse(death == 1, "death", "")))
mgus <- mgus[!is.na(mgus$mspike), c("id", "age", "sex", "mspike", "time", "cause")]; put(mgus, "mgus2")
fg <- function(d, cause, f, ...) {
  d$ev <- factor(ifelse(d$cause == "", "censor", d$cause), c("censor", cause, setdiff(unique(d$cause), c("", cause))))
  g <- do.call(finegray, list(Surv(time, ev) ~ ., d, etype = cause, weights = d$w))
  m <- do.call(coxph, list(f, g, weights = g$fgwt, cluster = g$id, control = sharp, ...))
  list(coef = vec(coef(m)), se = vec(setNames(sqrt(diag(vcov(m))), names(coef(m)))))
}
crr1 <- function(d, cause, x) {
  m <- crr(d$time, ifelse(d$cause == "", 0, ifelse(d$cause == cause, 1, 2)), x, gtol = 1e-14, maxiter = 50)
  list(coef = vec(m$coef), se = vec(setNames(sqrt(diag(m$var)), names(m$coef))))
}
for (ties in c("efron", "breslow")) {
  R[[paste0("fine_gray_cohort_", ties)]] <- fg(transform(cohort, w = 1), "economic", Surv(fgstart, fgstop, fgstatus) ~ x + kind + z, ties = ties)
  R[[paste0("fine_gray_weighted_", ties)]] <- fg(transform(cohort, w = weight), "economic", Surv(fgstart, fgstop, fgstatus) ~ x + kind + z, ties = ties)
  R[[paste0("fine_gray_mgus2_", ties)]] <- fg(transform(mgus, w = 1), "pcm", Surv(fgstart, fgstop, fgstatus) ~ age + sex + mspike, ties = ties)
}
R$crr_cohort <- crr1(cohort, "economic", cbind(x = cohort$x, kindb = cohort$kind == "b", kindc = cohort$kind == "c", z = cohort$z))
R$crr_mgus2 <- crr1(mgus, "pcm", cbind(age = mgus$age, sexM = mgus$sex == "M", mspike = mgus$mspike))
# Weighted: finegray's curve of censoring takes no weights, so each row stands there as often as its whole weight says.
many <- cohort[rep(seq_len(n), ceiling(cohort$weight)), ]
R$fine_gray_copies_breslow <- fg(transform(many, w = 1, one = seq_len(nrow(many))), "economic", Surv(fgstart, fgstop, fgstatus) ~ x + kind + z, ties = "breslow")
R$crr_untied <- crr1(transform(cohort, time = time + id / 1000), "economic", cbind(x = cohort$x, kindb = cohort$kind == "b", kindc = cohort$kind == "c", z = cohort$z))
R$fine_gray_untied_breslow <- fg(transform(cohort, time = time + id / 1000, w = 1), "economic", Surv(fgstart, fgstop, fgstatus) ~ x + kind + z, ties = "breslow")
R$fine_gray_strata_efron <- local({
  d <- transform(cohort, ev = factor(ifelse(cause == "", "censor", cause), c("censor", "economic", "death")))
  g <- finegray(Surv(time, ev) ~ id + x + z + kind + strata(kind), d, etype = "economic")
  m <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x + z + strata(kind), g, weights = fgwt, cluster = id, control = sharp)
  list(coef = vec(coef(m)), se = vec(setNames(sqrt(diag(vcov(m))), names(coef(m)))))
})

# Proportional hazards.
R$zph_veteran <- zph(coxph(Surv(time, status) ~ trt + celltype + karno + age, veteran, control = sharp))
R$zph_lung_strata <- zph(coxph(Surv(time, status) ~ age + ecog + strata(sex), lung, ties = "breslow", weights = weight, control = sharp))
R$zph_heart <- zph(coxph(Surv(start, stop, event) ~ age + year + surgery + transplant, heart, weights = weight, control = sharp))[c("identity", "rank", "km")]
R$zph_cohort <- zph(coxph(f, cohort, weights = weight, control = sharp))

# Linearity: restricted cubic spline of z at its 10, 50 and 90 % points (Harrell), four knots for x; Wald statistics.
rcs <- function(v, k) { m <- length(k); p <- function(u) pmax(u, 0)^3
  sapply(1:(m - 2), function(j) (p(v - k[j]) - p(v - k[m - 1]) * (k[m] - k[j]) / (k[m] - k[m - 1]) + p(v - k[m]) * (k[m - 1] - k[j]) / (k[m] - k[m - 1])) / (k[m] - k[1])^2) }
k <- c(-1.5, -0.5, 0.5, 1.5); s <- rcs(cohort$x, k); cohort$s1 <- s[, 1]; cohort$s2 <- s[, 2]
m <- svycoxph(Surv(start, stop, event) ~ x + s1 + s2 + kind + z, svydesign(~psu, strata = ~stratum, weights = ~weight, data = cohort), control = sharp)
w <- coef(m)[2:3] %*% solve(vcov(m)[2:3, 2:3], coef(m)[2:3]); R$spline <- list(knots = k, wald = c(w), df = 2, degf = 36)
write(toJSON(R, digits = NA, auto_unbox = TRUE, pretty = TRUE), "cox.json")
