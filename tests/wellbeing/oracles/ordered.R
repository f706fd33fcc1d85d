# Reference values of proportional-odds models. Run by hand: Rscript ordered.R; tests read its files and never call R.
library(MASS); library(survey)
options(digits = 17)
write <- function(x, file) writeLines(jsonlite::toJSON(x, digits = NA, auto_unbox = TRUE, pretty = TRUE), file)

# The example of Venables & Ripley (2002), Modern Applied Statistics with S, 4th ed., section 7.3.
write.csv(housing, "housing.csv", row.names = FALSE)
house <- polr(Sat ~ Infl + Type + Cont, weights = Freq, data = housing, Hess = TRUE,
              control = list(reltol = 1e-16, maxit = 1000))

# The example of survey's svyolr on the clustered sample of schools, without population sizes.
data(api)
apiclus1$mealcat <- cut(apiclus1$meals, c(0, 25, 50, 75, 100), labels = FALSE)
kept <- apiclus1[, c("dnum", "pw", "avg.ed", "mobility", "stype", "mealcat")]
names(kept) <- c("dnum", "pw", "avg_ed", "mobility", "stype", "mealcat")
write.csv(kept, "schools.csv", row.names = FALSE)
design <- svydesign(~dnum, weights = ~pw, data = subset(kept, !is.na(avg_ed) & !is.na(mealcat)))
schools <- svyolr(factor(mealcat) ~ avg_ed + mobility + stype, design)

# Coefficients and the exact Hessian of the weighted likelihood, so that the sandwich carries no numerical derivative.
d <- design$variables
X <- cbind(d$avg_ed, d$mobility, d$stype == "H", d$stype == "M")
y <- d$mealcat; w <- d$pw; C <- 4; p <- ncol(X)
parts <- function(theta) {
  beta <- theta[1:p]; zeta <- c(-Inf, theta[-(1:p)], Inf); eta <- drop(X %*% beta)
  a <- zeta[y + 1] - eta; b <- zeta[y] - eta
  pr <- plogis(a) - plogis(b); fa <- dlogis(a); fb <- dlogis(b)
  A <- cbind(-X, sapply(1:(C - 1), function(k) as.numeric(y == k)))
  B <- cbind(-X, sapply(1:(C - 1), function(k) as.numeric(y == k + 1)))
  A[y == C, ] <- 0; B[y == 1, ] <- 0
  A[y == C, 1:p] <- -X[y == C, ]; B[y == 1, 1:p] <- -X[y == 1, ]
  U <- (A * fa - B * fb) / pr
  da <- ifelse(is.finite(a), fa * (1 - 2 * plogis(a)), 0); db <- ifelse(is.finite(b), fb * (1 - 2 * plogis(b)), 0)
  H <- t(A) %*% (A * (w * da / pr)) - t(B) %*% (B * (w * db / pr)) - t(U) %*% (U * w)
  list(U = U, H = H)
}
theta <- unname(c(schools$coefficients, schools$zeta))
for (i in 1:20) { q <- parts(theta); theta <- theta - drop(solve(q$H, colSums(q$U * w))) }
q <- parts(theta)
V <- vcov(svytotal(q$U %*% solve(q$H), design))
write(list(housing = list(coefficients = unname(coef(house)), zeta = unname(house$zeta),
                          se = unname(sqrt(diag(vcov(house))))),
           schools = list(coefficients = theta[1:p], zeta = theta[-(1:p)], se = unname(sqrt(diag(V))),
                          svyolr = unname(c(schools$coefficients, schools$zeta)),
                          svyolr_se = unname(sqrt(diag(vcov(schools)))))), "ordered.json")

# Fixed effects of households: a weighted regression with an indicator for each, errors by survey.
set.seed(5)
n <- 60; waves <- 5
panel <- data.frame(household_id = rep(1:n, each = waves), year = rep(2021:2025, n))
panel$psu <- (panel$household_id - 1) %/% 5 + 1
panel$stratum <- (panel$psu - 1) %/% 4 + 1
panel$weight <- round(runif(nrow(panel), 1, 3), 3)
own <- rnorm(n)[panel$household_id]
panel$hard <- as.numeric(own + rnorm(nrow(panel)) > 0)
panel$pressure <- round(2.4 + 0.8 * panel$hard + 0.5 * own + rnorm(nrow(panel)), 2)
panel$life <- round(6 - 0.7 * panel$pressure - 0.4 * panel$hard + own + 0.1 * (panel$year - 2021) + rnorm(nrow(panel)), 2)
panel$absent <- rpois(nrow(panel), exp(-0.5 + 0.3 * panel$pressure))
write.csv(panel, "panel.csv", row.names = FALSE)
d <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = panel, nest = TRUE)
fe <- svyglm(life ~ hard + pressure + factor(year) + factor(household_id), d)
total <- svyglm(life ~ hard + factor(year), d); direct <- svyglm(life ~ hard + pressure + factor(year), d)
absent <- svyglm(absent ~ hard + pressure, d, family = quasipoisson(), control = list(epsilon = 1e-14, maxit = 100))
a <- svyglm(pressure ~ hard + factor(year), d)
write(list(fe = list(coefficients = unname(coef(fe)[2:3]), se = unname(SE(fe)[2:3])),
           total = unname(c(coef(total)[2], SE(total)[2])), direct = unname(c(coef(direct)[2], SE(direct)[2])),
           product = unname(coef(a)[2] * coef(direct)[3]),
           absent = list(coefficients = unname(coef(absent)), se = unname(SE(absent)))), "panel.json")

# The ordered answer within households: copies of each household for every cut, exact conditional logit (survival).
library(survival)
panel$answer <- cut(panel$life, c(-Inf, 3, 4, 5, Inf), labels = FALSE)
write.csv(panel, "panel.csv", row.names = FALSE)
blown <- do.call(rbind, lapply(1:3, function(k) transform(panel, high = as.numeric(answer > k), copy = household_id * 10 + k)))
buc <- clogit(high ~ hard + pressure + strata(copy), blown, method = "exact", control = coxph.control(eps = 1e-12, toler.chol = 1e-13))
write(list(coefficients = unname(coef(buc))), "within.json")
