# Reference figures of R for comparisons, trends, ranks, quality, small areas and imputation.
# Rscript make.R API_FOLDER: API_FOLDER holds apistrat.csv, apiclus1.csv and apiclus2.csv of R's survey package.
suppressMessages({library(survey); library(mitools); library(metafor); library(mvtnorm); library(mice); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
strat <- read.csv(file.path(folder, "apistrat.csv"))
clus1 <- read.csv(file.path(folder, "apiclus1.csv"))
clus2 <- read.csv(file.path(folder, "apiclus2.csv"))
third <- function(d) { d$api01 <- d$api00 + d$meals / 10; d }
strat <- third(strat); clus1 <- third(clus1); clus2 <- third(clus2)
designs <- list(
  strat = svydesign(~1, strata = ~stype, weights = ~pw, data = strat),
  clus1 = svydesign(~dnum, weights = ~pw, fpc = ~fpc, data = clus1),
  clus2 = svydesign(~dnum, weights = ~pw, data = clus2)
)
types <- c("E", "H", "M")
contrast <- function(x) list(estimate = as.numeric(coef(x)), se = as.numeric(SE(x)))
f_of <- function(w, q, df) {
  f <- (df - q + 1) / (df * q) * w
  list(f = f, q = q, p = pf(f, q, df - q + 1, lower.tail = FALSE))
}

out <- list()
for (name in names(designs)) {
  d <- designs[[name]]; df <- degf(d)
  by <- svyby(~api00, ~stype, d, svymean, covmat = TRUE)
  pairs <- list(c(1, -1, 0), c(1, 0, -1), c(0, 1, -1))
  found <- lapply(pairs, function(k) contrast(svycontrast(by, k)))
  p <- sapply(found, function(x) 2 * pt(-abs(x$estimate / x$se), df))
  e <- update(d, one = 1, yE = api00 * (stype == "E"), nE = 1 * (stype == "E"), yR = api00 * (stype != "E"), nR = 1 * (stype != "E"))
  totals <- svytotal(~api00 + one + yE + nE + yR + nR, e)
  L <- rbind(c(1, -1, 0), c(0, 1, -1)); V <- L %*% vcov(by) %*% t(L); x <- L %*% coef(by)
  years <- svymean(~api99 + api00 + api01, d)
  K <- matrix(c(1, -2, 1), 1); w <- as.numeric((K %*% coef(years))^2 / (K %*% vcov(years) %*% t(K)))
  slope <- svycontrast(years, c(-0.5, 0, 0.5))
  effect <- function(f, fun) { r <- fun(f, d, deff = "replace"); list(deff = as.numeric(deff(r)), estimate = as.numeric(coef(r))) }
  byd <- svyby(~api00, ~stype, d, svymean, deff = "replace")
  out[[name]] <- list(
    df = df, pairs = found, p = p,
    adjusted = sapply(c("holm", "hochberg", "BH", "bonferroni"), function(a) p.adjust(p, a), simplify = FALSE),
    total = contrast(svycontrast(totals, quote(yE / nE - api00 / one))),
    rest = contrast(svycontrast(totals, quote(yE / nE - yR / nR))),
    equality = f_of(as.numeric(t(x) %*% solve(V) %*% x), 2, df),
    trend = c(contrast(slope), p = as.numeric(2 * pt(-abs(coef(slope) / SE(slope)), df))),
    linearity = f_of(w, 1, df),
    critical = {S <- vcov(by); P <- rbind(c(1, -1, 0), c(1, 0, -1), c(0, 1, -1)); C <- cov2cor(P %*% S %*% t(P));
      set.seed(1); qmvt(0.95, tail = "both.tails", df = df, corr = C, algorithm = GenzBretz(maxpts = 1e6, abseps = 1e-5))$quantile},
    deff = list(mean = effect(~api00, svymean), total = effect(~enroll, svytotal), domains = as.numeric(byd[["DEff.api00"]]),
      share = effect(~I(api00 > 700), svymean)$deff[2])
  )
}
tukey <- sapply(c(3, 5, 12), function(k) qtukey(0.95, k, c(10, 40, Inf)) / sqrt(2))

# Fay-Herriot: milk expenditures (Arora & Lahiri 1997), sampling errors as in R's sae
milk <- read.csv(file.path(here, "milk.csv"))
fay <- sapply(c(reml = "REML", ml = "ML", fh = "PM", moments = "HE"), function(m) {
  r <- rma(yi, SD^2, mods = ~ factor(MajorArea), data = milk, method = m, test = "z", control = list(threshold = 1e-12, maxiter = 10000, tol = 1e-14))
  b <- blup(r)
  list(variance = r$tau2, beta = as.numeric(coef(r)), beta_se = as.numeric(r$se), eblup = as.numeric(b$pred))
}, simplify = FALSE)

# pooling: mitools and mice
set.seed(7)
imp <- mice(nhanes2, m = 5, printFlag = FALSE, seed = 11)
chl <- sapply(1:5, function(i) complete(imp, i)$chl)
each <- lapply(1:5, function(i) { d <- svydesign(~1, weights = ~1, data = complete(imp, i)); svymean(~chl, d) })
combine <- MIcombine(each)
scalar <- pool.scalar(sapply(each, coef), sapply(each, function(m) SE(m)^2), n = 25)
scalar$qhat <- NULL; scalar$u <- NULL

# imputation: apistrat with values of api00 (numeric), awards (yes/no) and stype (three kinds) gone by known rules
n <- nrow(strat); u <- ((seq_len(n) * 7919) %% 997) / 997; v <- ((seq_len(n) * 104729) %% 991) / 991
gone <- strat[, c("api00", "api99", "meals", "ell", "stype", "awards")]
gone$awards <- factor(gone$awards); gone$stype <- factor(gone$stype)
gone$api00[u < 0.15 + 0.5 * (gone$meals > 50)] <- NA
gone$awards[v < 0.1 + 0.4 * (gone$api99 > 700)] <- NA
run <- function(data, methods, seed) {
  blocks <- make.method(data); blocks[] <- ""; blocks[names(methods)] <- methods
  mi <- mice(data, m = 300, maxit = 5, method = blocks, printFlag = FALSE, seed = seed)
  list(mi = mi, data = lapply(1:300, function(i) complete(mi, i)))
}
pooled_of <- function(r, f) {
  e <- lapply(r$data, function(d) { fit <- f(d); c(mean(fit), var(fit) / length(fit)) })
  s <- pool.scalar(sapply(e, `[`, 1), sapply(e, `[`, 2), n = n)
  list(estimate = s$qbar, within = s$ubar, between = s$b)
}
pmm <- run(gone, c(api00 = "pmm", awards = "logreg"), 1)
norm <- run(gone, c(api00 = "norm", awards = "logreg"), 2)
kinds <- gone[, c("api99", "meals", "ell", "stype")]; kinds$stype[u < 0.1 + 0.4 * (kinds$meals > 50)] <- NA
poly <- run(kinds, c(stype = "polyreg"), 3)
imputation <- list(
  missing = c(sum(is.na(gone$api00)), sum(is.na(gone$awards)), sum(is.na(kinds$stype))),
  pmm = pooled_of(pmm, function(d) d$api00), norm = pooled_of(norm, function(d) d$api00),
  logit = pooled_of(pmm, function(d) as.numeric(d$awards == "Yes")),
  multinomial = sapply(types, function(k) pooled_of(poly, function(d) as.numeric(d$stype == k)), simplify = FALSE)
)
result <- list(
  versions = sapply(c("survey", "mitools", "metafor", "mvtnorm", "mice"), function(p) as.character(packageVersion(p))),
  designs = out, tukey = tukey, fay_herriot = fay,
  pooling = list(chl = chl, estimate = as.numeric(coef(combine)), se = as.numeric(SE(combine)), df_large = combine$df,
    missinfo = as.numeric(combine$missinfo), scalar = scalar),
  imputation = imputation
)
write(toJSON(result, digits = 15, auto_unbox = TRUE), file.path(here, "expected.json"))
