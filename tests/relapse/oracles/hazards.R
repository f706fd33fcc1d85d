# Reference figures of R for discrete-time hazards with a random intercept.
# Rscript hazards.R: writes hazards.json and the tables hazards_cbpp.csv (lme4's cattle, one row an animal) and
# hazards_spells.csv (made here: 400 units, repeated spells of up to 6 waves, a trait of sd 0.8).
suppressMessages({library(lme4); library(jsonlite)})
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
data(cbpp)
cows <- do.call(rbind, lapply(seq_len(nrow(cbpp)), function(i) with(cbpp[i, ], data.frame(herd = as.character(herd), k = as.integer(period), y = rep(1:0, c(incidence, size - incidence))))))
cows$cow <- seq_len(nrow(cows))
set.seed(20250101)
n <- 400; u <- rnorm(n, 0, 0.8); x <- round(rnorm(n), 3); ill <- rbinom(n, 1, 0.4); rows <- list(); k <- rep(1, n); spell <- rep(1, n)
for (t in 1:6) {
  y <- rbinom(n, 1, plogis(c(-0.2, -0.6, -1.0)[pmin(k, 3)] + 0.5 * x - 0.6 * ill + u))
  rows[[t]] <- data.frame(id = 1:n, t = t, spell = spell, k = k, x = x, ill = ill, y = y)
  spell <- spell + y; k <- ifelse(y == 1, 1, k + 1)
}
spells <- do.call(rbind, rows); spells$year <- factor(pmin(spells$k, 3))
write.csv(cows, file.path(here, "hazards_cbpp.csv"), row.names = FALSE)
write.csv(spells[, c("id", "t", "spell", "k", "x", "ill", "y")], file.path(here, "hazards_spells.csv"), row.names = FALSE)
tight <- glmerControl(optimizer = "bobyqa", tolPwrss = 1e-13, optCtrl = list(rhoend = 1e-10, maxfun = 1e6))
fit <- function(f, d, link) { m <- glmer(f, d, binomial(link), nAGQ = 25, control = tight)
  list(estimate = as.numeric(fixef(m)), sd = as.numeric(sqrt(unlist(VarCorr(m)))), logLik = as.numeric(logLik(m)), se = sqrt(diag(as.matrix(vcov(m, use.hessian = TRUE))))) }
out <- list()
for (link in c("logit", "cloglog")) {
  out$cbpp[[link]] <- fit(y ~ 0 + factor(k) + (1 | herd), cows, link)
  out$spells[[link]] <- fit(y ~ 0 + year + x + ill + (1 | id), spells, link)
}
out$version <- list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")))
writeLines(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), file.path(here, "hazards.json"))
