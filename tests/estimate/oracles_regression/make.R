# Reference figures of R's survey for regressions: links, calibration, subpopulations, marginal effects.
# Rscript make.R DATA: DATA holds api/, unempdur/ and vietnam/. Fits are iterated to the end (100 rounds), because
# glm's default leaves an error of up to 1e-5 in the weights of the last round and so in svyglm's errors.
suppressMessages({library(survey); library(jsonlite)})
data <- commandArgs(TRUE)[1]
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
tight <- glm.control(epsilon = 1e-300, maxit = 100)
model <- function(f, des, family) suppressWarnings(svyglm(f, des, family = family, control = tight))
figures <- function(m) { s <- sqrt(diag(vcov(m))); list(estimate = as.list(coef(m)), se = as.list(setNames(s, names(coef(m))))) }
read <- function(name) read.csv(file.path(data, name))

strat <- read("api/apistrat.csv"); clus1 <- read("api/apiclus1.csv"); clus2 <- read("api/apiclus2.csv")
prepared <- function(d) { d$wide <- as.numeric(d$sch.wide == "Yes"); d$hard <- as.numeric(d$api00 < 600); d }
strat <- prepared(strat); clus1 <- prepared(clus1); clus2 <- prepared(clus2)
designs <- list(
  strat = svydesign(~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = strat),
  clus1 = svydesign(~dnum, weights = ~pw, fpc = ~fpc, data = clus1),
  clus2 = svydesign(~dnum + snum, fpc = ~fpc1 + fpc2, weights = ~pw, data = clus2)
)
designs$strat_jkn <- as.svrepdesign(designs$strat, type = "JKn", mse = FALSE)
designs$clus1_jk1_mse <- as.svrepdesign(designs$clus1, type = "JK1", mse = TRUE)
totals <- c(`(Intercept)` = 6194, stypeH = 755, stypeM = 1018)
designs$clus1_calibrated <- calibrate(designs$clus1, ~stype, totals)
families <- list(logit = quasibinomial(), cloglog = quasibinomial("cloglog"), identity = gaussian(), log = quasipoisson())
out <- list()
for (name in names(designs)) {
  des <- designs[[name]]
  out[[name]] <- list(
    logit = figures(model(wide ~ ell + meals + stype, des, families$logit)),
    cloglog = figures(model(hard ~ meals + col.grad, des, families$cloglog)),
    identity = figures(model(api00 ~ ell + meals + stype + ell:stype, des, families$identity)),
    log = figures(model(enroll ~ meals + stype, des, families$log)))
}
# a part of the sample, by missing outcome here and by subset() there; enroll has missing values of its own
out$part <- figures(model(hard ~ meals + col.grad, subset(designs$clus1, stype == "E"), families$logit))

viet <- read("vietnam/vietnam_lsms_1997_households.csv")
viet$poor <- as.numeric(exp(viet$lntotal) / viet$hhsize < 1789.871); viet$female <- as.numeric(viet$sex == "female")
vdes <- svydesign(~commune, strata = ~urban, weights = ~hhsize, data = viet, nest = TRUE)
out$vietnam <- list(
  logit = figures(model(poor ~ age + female + educyr + farm, vdes, families$logit)),
  cloglog = figures(model(poor ~ age + female + educyr + farm, vdes, families$cloglog)))

jobs <- read("unempdur/unempdur.csv"); jobs$id <- seq_len(nrow(jobs)); jobs$any <- as.numeric(jobs$censor4 == 0 & (jobs$censor1 + jobs$censor2 + jobs$censor3) > 0)
pp <- jobs[rep(jobs$id, jobs$spell), ]; pp$k <- sequence(jobs$spell); pp$y <- as.numeric(pp$any == 1 & pp$k == pp$spell); pp$year <- factor(pmin(pp$k, 6))
pdes <- svydesign(~id, weights = ~tenure1, data = transform(pp, tenure1 = 1 + tenure / 10))
out$spells <- list(
  cloglog = figures(model(y ~ 0 + year + ui + reprate + disrate + logwage + age, pdes, families$cloglog)),
  logit = figures(model(y ~ 0 + year + ui + reprate + disrate + logwage + age, pdes, families$logit)))

# Average marginal effects: each row's derivative or difference, its mean, and what the coefficients' errors add, by a
# numeric derivative; the variance is that of the total of w (d - mean) / sum(w) + J influence of the coefficients.
effects <- function(m, des, changes) {
  frame <- m$model; w <- weights(des); b <- coef(m); x <- model.matrix(m); link <- m$family
  infl <- (residuals(m, "working") * m$weights) * x %*% m$naive.cov
  one <- function(change) {
    d <- function(beta) change(beta, x, link)
    g <- d(b); h <- 1e-5
    J <- sapply(seq_along(b), function(j) { e <- replace(0 * b, j, h * max(1, abs(b[j]))); weighted.mean((d(b + e) - d(b - e)) / (2 * e[j]), w) })
    z <- (w * (g - weighted.mean(g, w)) / sum(w) + infl %*% J) / w
    des$variables$z <- as.numeric(z)
    list(estimate = weighted.mean(g, w), se = as.numeric(SE(svytotal(~z, des))))
  }
  lapply(changes, one)
}
slope <- function(column) function(beta, x, link) link$mu.eta(as.numeric(x %*% beta)) * beta[[column]]
at <- function(x, columns, values) { x[, columns] <- rep(values, each = nrow(x)); x }
level <- function(columns, values) function(beta, x, link) link$linkinv(as.numeric(at(x, columns, values) %*% beta))
difference <- function(columns, to, from) function(beta, x, link) level(columns, to)(beta, x, link) - level(columns, from)(beta, x, link)
types <- c("stypeH", "stypeM")
for (link in c("logit", "cloglog")) {
  m <- model(wide ~ ell + meals + stype, designs$clus1, families[[link]])
  out$effects[[link]] <- effects(m, designs$clus1, list(ell = slope("ell"), meals = slope("meals"),
    `stype=H` = difference(types, c(1, 0), c(0, 0)), `stype=M` = difference(types, c(0, 1), c(0, 0))))
  out$levels[[link]] <- effects(m, designs$clus1, list(E = level(types, c(0, 0)), H = level(types, c(1, 0)), M = level(types, c(0, 1))))
  v <- model(poor ~ age + female + educyr + farm, vdes, families[[link]])
  out$vietnam_effects[[link]] <- effects(v, vdes, list(age = slope("age"), female = difference("female", 1, 0), educyr = slope("educyr"),
    `farm=yes` = difference("farmyes", 1, 0)))
}
# a product: ell acts through its own term and that with the school's type
m <- model(wide ~ ell + stype + ell:stype, designs$strat, families$logit)
products <- c("ell:stypeH", "ell:stypeM")
out$product <- effects(m, designs$strat, list(
  ell = function(beta, x, link) link$mu.eta(as.numeric(x %*% beta)) * (beta[["ell"]] + as.numeric(x[, types] %*% beta[products])),
  `stype=H` = function(beta, x, link) {
    to <- at(x, c(types, products), c(1, 0, 0, 0)); to[, "ell:stypeH"] <- x[, "ell"]; from <- at(x, c(types, products), c(0, 0, 0, 0))
    link$linkinv(as.numeric(to %*% beta)) - link$linkinv(as.numeric(from %*% beta))
  }))
# the same by replicates: every replicate fits and averages anew
rep <- designs$clus1_jk1_mse
jack <- withReplicates(rep, function(w, d) {
  d$w_ <- w; m <- suppressWarnings(glm(wide ~ ell + meals + stype, quasibinomial(), d, weights = w_, control = tight)); b <- coef(m); x <- model.matrix(m)
  c(weighted.mean(dlogis(as.numeric(x %*% b)) * b[["meals"]], w), weighted.mean(plogis(as.numeric(at(x, types, c(1, 0)) %*% b)) - plogis(as.numeric(at(x, types, c(0, 0)) %*% b)), w))
})
out$effects_replicates <- list(estimate = as.list(setNames(coef(jack), c("meals", "stype=H"))), se = as.list(setNames(SE(jack), c("meals", "stype=H"))))
out$version <- list(R = as.character(getRversion()), survey = as.character(packageVersion("survey")))
writeLines(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), file.path(here, "expected.json"))
