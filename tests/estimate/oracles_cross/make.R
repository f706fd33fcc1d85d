# Twelve small random surveys and what R's survey and laeken say of them: Rscript make.R
# Writes the surveys (*.csv) where they are not there yet, reads them back, and writes figures.json.
# Each record of figures.json names survey, design and call as test_cross_check.py knows them, and R's numbers.
suppressPackageStartupMessages({library(survey); library(laeken); library(jsonlite)})
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
at <- function(name) file.path(here, paste0(name, ".csv"))
keep <- function(name, data) if (!file.exists(at(name))) write.csv(data, at(name), row.names = FALSE, na = "", quote = FALSE)
load <- function(name) read.csv(at(name), stringsAsFactors = FALSE)
set.seed(20251124)
missing_some <- function(x, share) replace(x, runif(length(x)) < share, NA)
outcomes <- function(n, level = 0) {
  x <- round(rgamma(n, 3, 0.1), 2)
  y <- round(2 * x + rnorm(n, 20, 15) + level, 2)
  data.frame(x = x + 1, y = missing_some(y, 0.08), z = y, flag = missing_some(as.integer(runif(n) < plogis(0.03 * (x - 30))), 0.05),
    sure = as.integer(runif(n) < plogis(0.05 * (x - 45))))
}

# --- the surveys ------------------------------------------------------------------------------------------------
n <- 150
keep("weights", cbind(w = round(rlnorm(n, 2, 1), 3), region = c(sample(letters[1:4], n - 1, TRUE), "z"), outcomes(n)))

size <- c(12, 45, 30, 60, 8, 40); N <- c(60, 450, 31, 6000, 8, 401); h <- rep(1:6, size); n <- sum(size)
d <- cbind(h = h, N = N[h], f = c(0.2, 0.1, 0.97, 0.01, 1, 0.0997)[h], w = round(N[h] / size[h] * runif(n, 0.7, 1.3), 4),
  region = sample(letters[1:4], n, TRUE), outcomes(n, 10 * h))
keep("strata", d[sample(n), ])

m <- c(4, 6, 8, 5, 7, 2); h <- rep(1:6, m); p <- unlist(lapply(m, seq_len)); k <- sample(3:9, sum(m), TRUE)
h <- rep(h, k); p <- rep(p, k); n <- length(h)
d <- cbind(h = paste0("s", h), p = p, w = round(rlnorm(n, 3, 0.8), 2), region = sample(letters[1:4], n, TRUE), outcomes(n, 5 * h + rnorm(60, 0, 20)[10 * (h - 1) + p]))
d$region[d$h == "s2" & d$p == 3] <- "one psu"; d$region[17] <- "one row"
d$w[d$h == "s3" & d$p == 2] <- 0; d$w[d$h == "s6"] <- 0; d$w[sample(n, 6)] <- 0
keep("clusters", d[sample(n), ])

m <- c(4, 5, 3, 6); M <- c(20, 9, 3, 60); h <- rep(1:4, m); s <- sample(2:5, sum(m), TRUE); S <- s + sample(0:9, sum(m), TRUE)
p <- rep(seq_along(h), s); q <- seq_along(p); k <- sample(1:4, length(p), TRUE); u <- rep(q, k)
d <- data.frame(h = h[p][u], p = p[u], s = u, fpc1 = M[h[p]][u], fpc2 = S[p][u])
d$w <- round(d$fpc1 / m[d$h] * d$fpc2 / s[d$p] * runif(nrow(d), 0.8, 1.25), 4)
keep("two", cbind(d, region = sample(letters[1:3], nrow(d), TRUE), outcomes(nrow(d), 8 * d$p))[sample(nrow(d)), ])

s <- sample(2:4, 14, TRUE); p <- rep(1:14, s); k <- sample(2:6, length(p), TRUE); u <- rep(seq_along(p), k)
d <- data.frame(p = p[u], s = u, i = seq_along(u), f1 = 0.15, f2 = round(runif(14, 0.2, 0.9), 3)[p][u], f3 = round(runif(length(p), 0.1, 1), 3)[u])
d$w <- round(1 / (d$f1 * d$f2 * d$f3), 5)
keep("three", cbind(d, region = sample(letters[1:3], nrow(d), TRUE), outcomes(nrow(d), 8 * d$p))[sample(nrow(d)), ])

m <- c(3, 1, 4, 1, 2, 1, 5, 2); h <- rep(1:8, m); s <- c(sample(1:4, sum(m), TRUE)); u <- rep(seq_along(h), s)
d <- data.frame(h = h[u], p = u, s = seq_along(u), M = c(9, 7, 12, 1, 2, 5, 30, 8)[h][u], S = (s + 3)[u])
k <- sample(1:3, nrow(d), TRUE); d <- d[rep(seq_len(nrow(d)), k), ]
keep("lonely", cbind(d, w = round(rlnorm(nrow(d), 2, 0.5), 3), region = sample(letters[1:3], nrow(d), TRUE), outcomes(nrow(d), 6 * d$h)))

h <- rep(1:9, each = 2); p <- 1:18; k <- sample(3:7, 18, TRUE); u <- rep(p, k)
d <- cbind(h = h[u], p = u, w = round(rlnorm(length(u), 2, 0.5), 3), region = sample(letters[1:3], length(u), TRUE), outcomes(length(u), 4 * h[u]))
keep("pairs", d)
pairs <- load("pairs")
tay <- svydesign(~p, strata = ~h, weights = ~w, data = pairs)
brr <- unclass(as.matrix(weights(as.svrepdesign(tay, type = "BRR", compress = FALSE), "replication")))
keep("pairs_half", setNames(as.data.frame(brr), paste0("b", seq_len(ncol(brr)))))
boot <- unclass(as.matrix(weights(as.svrepdesign(svydesign(~p, weights = ~w, data = pairs), type = "bootstrap", replicates = 60, compress = FALSE), "replication")))
keep("pairs_drawn", setNames(as.data.frame(round(boot, 6)), paste0("r", 1:60)))

h <- rep(1:6, c(6, 5, 8, 4, 7, 6)); p <- seq_along(h); k <- sample(4:9, length(p), TRUE); u <- rep(p, k); n <- length(u)
d <- data.frame(h = h[u], p = u, M = c(20, 10, 50, 4, 30, 25)[h][u], w = round(rlnorm(n, 3, 0.4), 3), region = sample(letters[1:4], n, TRUE),
  sex = sample(c("f", "m"), n, TRUE), age = sample(c("young", "middle", "old"), n, TRUE, c(0.5, 0.3, 0.2)))
keep("calibrated", cbind(d, outcomes(n, 6 * h[u])))

h <- rep(1:4, 6); p <- 1:24; w1 <- c(p[1:24]); stay <- c(1:8, 13:24)
w2 <- c(setdiff(stay, c(4, 8, 16, 20, 24, 12)), 25:32) # stratum 4's clusters are all drawn anew
one <- rep(w1, sample(4:7, length(w1), TRUE)); two <- rep(w2, sample(4:7, length(w2), TRUE))
psu <- c(one, two); wave <- rep(c("2024", "2025"), c(length(one), length(two))); n <- length(psu)
stratum <- ifelse(psu <= 24, (psu - 1) %% 4 + 1, ifelse(psu <= 28, 4, (psu - 1) %% 3 + 1))
keep("waves", cbind(wave = wave, h = stratum, p = psu, w = round(rlnorm(n, 2, 0.4), 3), region = sample(letters[1:3], n, TRUE),
  outcomes(n, rnorm(32, 0, 25)[psu] + 6 * (wave == "2025"))))

n <- 400
income <- round(exp(rnorm(n, 7, 0.6)), -1); income[1:8] <- c(-250, -10, 0, 0, 0, 640, 640, 640)
keep("incomes", data.frame(h = rep(1:5, each = 80), p = rep(1:50, each = 8), w = round(rlnorm(n, 3, 0.7), 4), income = missing_some(income, 0.04),
  size = sample(1:6, n, TRUE), line = c(700, 800, 640)[sample(3, n, TRUE)], region = c(sample(letters[1:5], n - 6, TRUE), rep("small", 6)))[sample(n), ])

n <- 200
keep("rare", data.frame(h = rep(1:4, each = 50), p = rep(1:40, each = 5), w = round(rlnorm(n, 1, 0.6), 3), region = rep(c("a", "b", "none", "everyone"), 50),
  seldom = as.integer(seq_len(n) %in% c(3, 77, 120, 121, 122)), often = 1L - as.integer(seq_len(n) %in% c(4, 54, 152)), half = sample(0:1, n, TRUE)))

n <- 400; k <- sample(60, n, TRUE)
keep("large", data.frame(p = k, w = round(rlnorm(n, 8, 1.5), 2), region = paste0("r", sprintf("%02d", sample(12, n, TRUE))), kind = sample(c("k1", "k2", "k3"), n, TRUE),
  y = 1e9 + round(rnorm(n, 0, 1000) + 50 * k, 1), x = 1e-7 * sample(1:9, n, TRUE)))

# --- records ----------------------------------------------------------------------------------------------------
records <- list()
add <- function(survey, design, call, ..., by = NULL, options = NULL, names = NULL, estimate, se = NULL, low = NULL, high = NULL, vcov = NULL, df = NULL) {
  item <- list(survey = survey, design = design, call = call, args = as.list(c(...)), by = as.list(by), options = options, names = as.list(names),
    estimate = as.list(unname(as.numeric(estimate))), se = as.list(unname(as.numeric(se))), low = as.list(unname(as.numeric(low))),
    high = as.list(unname(as.numeric(high))), vcov = if (is.null(vcov)) NULL else unname(as.matrix(vcov)), df = if (is.null(df)) NULL else unname(df))
  records[[length(records) + 1]] <<- Filter(function(v) length(v) > 0, item)
}
whole <- function(found, d) list(estimate = coef(found), se = SE(found), ci = confint(found, df = degf(d)))
single <- function(survey, design, call, ..., found, d) {
  w <- whole(found, d)
  add(survey, design, call, ..., estimate = w$estimate, se = w$se, low = w$ci[, 1], high = w$ci[, 2], df = degf(d))
}
domains <- function(survey, design, call, ..., by, found, d, covariance = FALSE, options = NULL) {
  w <- whole(found, d)
  labels <- unname(apply(as.data.frame(found)[, by, drop = FALSE], 1, paste, collapse = "|"))
  add(survey, design, call, ..., by = by, options = options, names = labels, estimate = w$estimate, se = w$se, low = w$ci[, 1], high = w$ci[, 2],
    vcov = if (covariance) vcov(found) else NULL, df = degf(d))
}
# covariances of domains: svyby's own or, for designs = "whole", the delta method on domain totals over the whole sample
# (within a subset R averages over the strata that the subset meets), and where svyby stops
by_region <- function(d, numerator, denominator, whole) {
  own <- if (is.null(denominator)) svytotal else if (denominator == "one") svymean
  found <- if (!whole) tryCatch(svyby(as.formula(paste0("~", numerator)), ~region, d, own, covmat = TRUE), error = function(e) NULL)
  if (!is.null(found)) return(found)
  data <- d$variables; data$one <- 1; groups <- sort(unique(data$region)); inside <- outer(data$region, groups, "==") * 1
  k <- seq_along(groups); below <- if (is.null(denominator)) inside else data[[denominator]] * inside
  totals <- svytotal(cbind(data[[numerator]] * inside, below), d); N <- coef(totals)[length(k) + k]; estimate <- coef(totals)[k]
  slopes <- cbind(diag(length(k)), 0 * diag(length(k)))
  if (!is.null(denominator)) { estimate <- estimate / N; slopes <- cbind(diag(1 / N), -diag(estimate / N)) }
  list(estimate = estimate, vcov = slopes %*% vcov(totals) %*% t(slopes), names = groups)
}
regions <- function(survey, design, call, ..., found, d) {
  if (inherits(found, "svyby")) return(domains(survey, design, call, ..., by = "region", found = found, d = d, covariance = TRUE))
  se <- sqrt(diag(found$vcov)); t <- qt(0.975, degf(d))
  add(survey, design, call, ..., by = "region", names = found$names, estimate = found$estimate, se = se, low = found$estimate - t * se,
    high = found$estimate + t * se, vcov = found$vcov, df = degf(d))
}
standard <- function(survey, design, d) { # what every design is asked
  whole <- grepl("average", design)
  if (whole) d <- update(d, y = z)
  single(survey, design, "mean", if (whole) "z" else "y", found = svymean(~y, d, na.rm = TRUE), d = d)
  single(survey, design, "total", if (whole) "z" else "y", found = svytotal(~y, d, na.rm = TRUE), d = d)
  single(survey, design, "ratio", if (whole) "z" else "y", "x", found = svyratio(~y, ~x, d, na.rm = TRUE), d = d)
  if (!whole) single(survey, design, "mean", "flag", found = svymean(~flag, d, na.rm = TRUE), d = d)
  regions(survey, design, "mean", "z", found = by_region(d, "z", "one", whole), d = d)
  regions(survey, design, "total", "z", found = by_region(d, "z", NULL, whole), d = d)
  if (whole) return(regions(survey, design, "ratio", "z", "x", found = by_region(d, "z", "x", TRUE), d = d))
  domains(survey, design, "mean", "y", by = "region", found = svyby(~y, ~region, d, svymean, na.rm = TRUE), d = d)
  domains(survey, design, "ratio", "z", "x", by = "region", found = svyby(~z, ~region, d, svyratio, denominator = ~x), d = d)
}
quantiles <- function(survey, design, d, variable) for (type in c("mean", "xlogit", "beta")) for (q in c(0.05, 0.25, 0.5, 0.8)) {
  # where the interval of the distribution function leaves 0 ... 1, R stops: nothing to compare
  f <- tryCatch(svyquantile(as.formula(paste0("~", variable)), d, q, interval.type = type, df = degf(d))[[1]], error = function(e) NULL)
  # below the share of the smallest value, R's rule "math" takes the second smallest: not what the definition says
  second <- sort(unique(d$variables[[variable]][weights(d) > 0]))[2]
  if (is.null(f) || (is.finite(f[1, 2]) && f[1, 2] == second)) next
  add(survey, design, "quantile", variable, options = list(q = q, interval = type), estimate = f[1, 1], se = f[1, 4], low = f[1, 2], high = f[1, 3])
}
shares <- function(survey, design, d, variable, domain = NULL) for (type in c("xlogit", "beta", "mean")) {
  inside <- if (is.null(domain)) d else eval(bquote(subset(d, region == .(domain))))
  f <- svyciprop(as.formula(paste0("~", variable)), inside, method = type, df = degf(inside))
  ci <- confint(f)
  add(survey, design, "proportion", variable, by = if (is.null(domain)) NULL else "region", names = domain,
    options = list(interval = c(xlogit = "logit", beta = "beta", mean = "wald")[[type]], df = "domain"), estimate = coef(f), low = ci[1], high = ci[2], df = degf(inside))
}

d <- svydesign(~1, weights = ~w, data = load("weights"))
standard("weights", "plain", d); quantiles("weights", "plain", d, "z"); shares("weights", "plain", d, "sure"); shares("weights", "plain", d, "sure", "b")

strata <- load("strata")
for (name in c("fpc", "fraction", "none")) {
  d <- switch(name, fpc = svydesign(~1, strata = ~h, weights = ~w, fpc = ~N, data = strata),
    fraction = svydesign(~1, strata = ~h, weights = ~w, fpc = ~f, data = strata), none = svydesign(~1, strata = ~h, weights = ~w, data = strata))
  standard("strata", name, d)
  if (name == "fpc") { quantiles("strata", name, d, "z"); shares("strata", name, d, "sure"); shares("strata", name, d, "sure", "c") }
}

d <- svydesign(~p, strata = ~h, weights = ~w, data = load("clusters"), nest = TRUE)
standard("clusters", "nested", d); quantiles("clusters", "nested", d, "z"); shares("clusters", "nested", d, "sure")
for (r in c("a", "d", "one psu")) {
  inside <- eval(bquote(subset(d, region == .(r))))
  f <- svymean(~z, inside); ci <- confint(f, df = degf(inside))
  add("clusters", "nested", "mean", "z", by = "region", names = r, options = list(df = "domain"), estimate = coef(f), se = SE(f),
    low = if (degf(inside) > 0) ci[1], high = if (degf(inside) > 0) ci[2], df = degf(inside))
}

two <- load("two")
d <- svydesign(~p + s, strata = ~h, weights = ~w, fpc = ~fpc1 + fpc2, data = two)
standard("two", "both", d); quantiles("two", "both", d, "z"); shares("two", "both", d, "sure"); shares("two", "both", d, "sure", "a")
standard("two", "first", svydesign(~p, strata = ~h, weights = ~w, fpc = ~fpc1, data = two))
standard("two", "unstratified", svydesign(~p + s, weights = ~w, fpc = ~I(rep(400, nrow(two))) + fpc2, data = two))
d <- svydesign(~p + s + i, weights = ~w, fpc = ~f1 + f2 + f3, data = load("three"))
standard("three", "all", d); quantiles("three", "all", d, "z"); shares("three", "all", d, "sure")

lonely <- load("lonely")
for (policy in c("adjust", "average", "certainty", "remove")) {
  options(survey.lonely.psu = policy)
  standard("lonely", policy, svydesign(~p, strata = ~h, weights = ~w, data = lonely))
  standard("lonely", paste0(policy, "_fpc"), svydesign(~p, strata = ~h, weights = ~w, fpc = ~M, data = lonely))
  # R has no average over clusters' own strata of one
  if (policy != "average") standard("lonely", paste0(policy, "_two"), svydesign(~p + s, strata = ~h, weights = ~w, fpc = ~M + S, data = lonely))
}
options(survey.lonely.psu = "fail")

half <- load("pairs_half"); drawn <- load("pairs_drawn")
for (mse in c(FALSE, TRUE)) {
  end <- if (mse) "_mse" else ""
  standard("pairs", paste0("jk1", end), as.svrepdesign(svydesign(~p, weights = ~w, data = pairs), type = "JK1", mse = mse))
  standard("pairs", paste0("jkn", end), as.svrepdesign(tay, type = "JKn", mse = mse))
  standard("pairs", paste0("brr", end), svrepdesign(data = pairs, weights = ~w, repweights = half, type = "BRR", combined.weights = FALSE, mse = mse))
  fay <- 1 + 0.7 * (as.matrix(half) - 1)
  standard("pairs", paste0("fay", end), svrepdesign(data = pairs, weights = ~w, repweights = fay, type = "Fay", rho = 0.3, combined.weights = FALSE, mse = mse))
  standard("pairs", paste0("bootstrap", end), svrepdesign(data = pairs, weights = ~w, repweights = drawn, type = "bootstrap", combined.weights = FALSE, mse = mse))
}
standard("pairs", "taylor", tay)

calibrated <- load("calibrated")
calibrated$sex <- factor(calibrated$sex); calibrated$age <- factor(calibrated$age)
base <- svydesign(~p, strata = ~h, weights = ~w, data = calibrated)
fpc <- svydesign(~p, strata = ~h, weights = ~w, fpc = ~M, data = calibrated)
sexes <- data.frame(sex = c("f", "m"), Freq = c(2650, 2550)); ages <- data.frame(age = c("middle", "old", "young"), Freq = c(1750, 1200, 2250))
cells <- data.frame(expand.grid(age = c("middle", "old", "young"), sex = c("f", "m"), stringsAsFactors = FALSE), Freq = c(830, 640, 1180, 920, 560, 1070))
exact <- list(epsilon = 1e-13, maxit = 500)
calibrate_to <- function(d, formula, population, ...) do.call(calibrate, c(list(d, formula, population, ...), exact))
margins <- c(`(Intercept)` = 5200, sexm = 2550, ageold = 1200, ageyoung = 2250)
greg <- c(margins, x = 160000)
standard("calibrated", "poststratified", postStratify(base, ~age + sex, cells))
standard("calibrated", "poststratified_fpc", postStratify(fpc, ~age + sex, cells))
standard("calibrated", "raked", calibrate_to(base, ~sex + age, margins, calfun = "raking"))
greg_design <- calibrate_to(base, ~sex + age + x, greg)
standard("calibrated", "greg", greg_design); quantiles("calibrated", "greg", greg_design, "z"); shares("calibrated", "greg", greg_design, "sure")
standard("calibrated", "greg_bounds", calibrate_to(base, ~sex + age + x, greg, bounds = c(0.75, 1.3)))
standard("calibrated", "greg_logit", calibrate_to(fpc, ~sex + age + x, greg, calfun = "logit", bounds = c(0.6, 1.7)))
standard("calibrated", "twice", calibrate_to(calibrate_to(base, ~sex, margins[1:2]), ~age + x, greg[c(1, 3, 4, 5)], calfun = "raking"))
standard("calibrated", "jkn_greg", calibrate_to(as.svrepdesign(base, type = "JKn", mse = TRUE), ~sex + age + x, greg))
standard("calibrated", "jkn_poststratified", postStratify(as.svrepdesign(base, type = "JKn", mse = TRUE), ~age + sex, cells))
standard("calibrated", "trimmed", trimWeights(base, upper = 45, lower = 12, strict = TRUE))
# rake() stops at its own epsilon and its variance sweeps ten times over the margins: estimates only
raked <- rake(base, list(~sex, ~age), list(sexes, ages), control = list(maxit = 500, epsilon = 1e-10))
add("calibrated", "raked", "mean", "z", estimate = coef(svymean(~z, raked)))

waves <- load("waves"); waves$wave <- factor(waves$wave); waves$stratum <- ifelse(waves$h == 4, paste(waves$h, waves$wave), waves$h)
d <- svydesign(~p, strata = ~stratum, weights = ~w, data = waves)
moved <- function(call, args, found, names = NULL, by = NULL) {
  V <- vcov(found); k <- length(coef(found)) / 2; after <- seq_len(k) * 2
  f <- lapply(after, function(i) svycontrast(found, replace(replace(numeric(2 * k), i, 1), i - 1, -1)))
  e <- sapply(f, function(x) as.numeric(coef(x))); s <- sapply(f, function(x) as.numeric(SE(x))); t <- qt(0.975, degf(d))
  add("waves", "change", call, args, by = by, names = names, estimate = e, se = s, low = e - t * s, high = e + t * s, df = degf(d))
}
moved("mean", "z", svyby(~z, ~wave, d, svymean, covmat = TRUE))
moved("total", "z", svyby(~z, ~wave, d, svytotal, covmat = TRUE))
moved("mean", "sure", svyby(~sure, ~wave, d, svymean, covmat = TRUE))
moved("mean", "z", svyby(~z, ~wave + region, d, svymean, covmat = TRUE), names = letters[1:3], by = "region")
moved("total", "x", svyby(~x, ~wave + region, d, svytotal, covmat = TRUE), names = letters[1:3], by = "region")
r <- svyby(~z, ~wave, d, svyratio, denominator = ~x, covmat = TRUE)
moved("ratio", c("z", "x"), r)
standard("waves", "stacked", d)

rare <- load("rare")
d <- svydesign(~p, strata = ~h, weights = ~w, data = rare)
for (v in c("seldom", "often", "half")) { shares("rare", "plain", d, v); for (r in c("a", "b", "none")) if (v != "seldom" || r == "a") if (var(rare[[v]][rare$region == r]) > 0) shares("rare", "plain", d, v, r) }

large <- load("large")
d <- svydesign(~p, weights = ~w, data = large)
single("large", "plain", "mean", "y", found = svymean(~y, d), d = d); single("large", "plain", "mean", "x", found = svymean(~x, d), d = d)
single("large", "plain", "ratio", "y", "x", found = svyratio(~y, ~x, d), d = d)
domains("large", "plain", "mean", "x", by = c("region", "kind"), found = svyby(~x, ~region + kind, d, svymean, covmat = TRUE), d = d, covariance = TRUE)
domains("large", "plain", "total", "y", by = "kind", found = svyby(~y, ~kind, d, svytotal, covmat = TRUE), d = d, covariance = TRUE)
domains("large", "plain", "mean", "y", by = "kind", found = svyby(~y, ~kind, d, svymean, covmat = TRUE), d = d, covariance = TRUE)

# --- poverty: a local line as a transformed variable; Eurostat's indicators by laeken, estimates only --------------
incomes <- load("incomes")
incomes$ratio <- incomes$income / incomes$line
for (a in 0:2) incomes[[paste0("g", a)]] <- ifelse(incomes$ratio < 1 - 1e-12, (1 - incomes$ratio)^a, 0)
incomes$money <- pmax(0, incomes$line - incomes$income) * 12 * incomes$size
d <- svydesign(~p, strata = ~h, weights = ~w, data = incomes)
for (a in 0:2) {
  f <- as.formula(paste0("~g", a)); by <- svyby(f, ~region, d, svymean, na.rm = TRUE)
  total <- svymean(f, d, na.rm = TRUE)
  add("incomes", "plain", "fgt", "income", options = list(line = "line", alpha = a), estimate = coef(total), se = SE(total), df = degf(d))
  add("incomes", "plain", "fgt", "income", by = "region", names = by$region, options = list(line = "line", alpha = a), estimate = coef(by), se = SE(by), df = degf(d))
}
f <- svytotal(~money, d, na.rm = TRUE); by <- svyby(~money, ~region, d, svytotal, na.rm = TRUE)
add("incomes", "plain", "gap_total", "income", options = list(line = "line", members = "size"), estimate = coef(f), se = SE(f))
add("incomes", "plain", "gap_total", "income", by = "region", names = by$region, options = list(line = "line", members = "size"), estimate = coef(by), se = SE(by))
known <- incomes[!is.na(incomes$income), ]
whole_sample <- function(call, value, ...) add("incomes", "plain", call, "income", options = list(...), estimate = value)
whole_sample("fgt", arpr("income", weights = "w", data = known)$value / 100, line = "relative")
whole_sample("relative_line", unname(arpt("income", weights = "w", data = known)))
whole_sample("relative_median_gap", rmpg("income", weights = "w", data = known)$value / 100)
whole_sample("quintile_share_ratio", qsr("income", weights = "w", data = known)$value)
whole_sample("gini", gini("income", weights = "w", data = known)$value / 100)
laeken_by <- function(call, found, scale, ...) {
  v <- found$valueByStratum
  add("incomes", "plain", call, "income", by = "region", names = as.character(v$stratum), options = list(...), estimate = v$value / scale)
}
laeken_by("fgt", arpr("income", weights = "w", breakdown = "region", data = known), 100, line = "relative")
laeken_by("relative_median_gap", rmpg("income", weights = "w", breakdown = "region", data = known), 100)
laeken_by("quintile_share_ratio", qsr("income", weights = "w", breakdown = "region", data = known), 1)
laeken_by("gini", gini("income", weights = "w", breakdown = "region", data = known), 100)

versions <- list(R = as.character(getRversion()), survey = as.character(packageVersion("survey")), laeken = as.character(packageVersion("laeken")))
writeLines(toJSON(list(versions = versions, records = records), digits = NA, auto_unbox = TRUE, na = "null"), file.path(here, "figures.json"))
cat(length(records), "records\n"); print(warnings())
