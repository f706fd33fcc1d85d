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
