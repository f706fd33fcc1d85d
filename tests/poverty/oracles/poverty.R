# Reference figures for aidlib.poverty: Rscript poverty.R <folder of the shared data> > poverty.json
# Every standard error comes from R survey: svycontrast (delta method over means) or svytotal of an influence value
# that is computed from its definition (pairwise differences), never from aidlib's formulas.
suppressPackageStartupMessages({library(survey); library(jsonlite)})
options(digits = 15)
data_folder <- commandArgs(TRUE)[1]
silc <- read.csv(gzfile(file.path(data_folder, "eusilc/eusilc.csv.gz")), stringsAsFactors = FALSE)
strat <- read.csv(file.path(data_folder, "api/apistrat.csv"), stringsAsFactors = FALSE)
clus <- read.csv(file.path(data_folder, "api/apiclus2.csv"), stringsAsFactors = FALSE)
out <- list(version = list(R = as.character(getRversion()), survey = as.character(packageVersion("survey"))))
pair <- function(x) list(estimate = unname(coef(x))[1], se = unname(as.numeric(SE(x)))[1])

# --- households of EU-SILC as clusters, regions as strata; positive incomes as a domain of the whole design
silc$y <- ifelse(silc$eqIncome > 0, silc$eqIncome, 1)
silc$ly <- log(silc$y); silc$yly <- silc$y * silc$ly
for (a in c(-1, 2, 0.5)) silc[[paste0("p", sub("-", "m", sub("[.]", "", a)))]] <- (silc$y / 20000)^a
silc$y1 <- silc$y / 20000
silc$male <- as.numeric(silc$rb090 == "male"); silc$ym <- silc$y1 * silc$male
silc$lym <- log(silc$y1) * silc$male; silc$l1 <- log(silc$y1); silc$yl1 <- silc$y1 * silc$l1
silc$yl1m <- silc$yl1 * silc$male; silc$y2 <- silc$y1^2; silc$y2m <- silc$y2 * silc$male
silc$gap0 <- as.numeric(silc$eqIncome < 10000); silc$gap1 <- pmax(0, 1 - silc$eqIncome / 10000)
silc$gap2 <- silc$gap1^2; silc$watts <- ifelse(silc$y < 10000, log(10000 / silc$y), 0)
des <- svydesign(ids = ~db030, strata = ~db040, weights = ~rb050, data = silc)
pos <- subset(des, eqIncome > 0)
smooth <- function(d) {
  m <- svymean(~y1 + l1 + yl1 + y2 + pm1 + p05, d)
  list(ge_0 = pair(svycontrast(m, quote(log(y1) - l1))), ge_1 = pair(svycontrast(m, quote(yl1 / y1 - log(y1)))),
       ge_2 = pair(svycontrast(m, quote((y2 / y1^2 - 1) / 2))), ge_m1 = pair(svycontrast(m, quote((pm1 * y1 - 1) / 2))),
       ge_05 = pair(svycontrast(m, quote((p05 / sqrt(y1) - 1) / (0.5 * -0.5)))),
       atkinson_05 = pair(svycontrast(m, quote(1 - p05^2 / y1))), atkinson_1 = pair(svycontrast(m, quote(1 - exp(l1) / y1))),
       atkinson_2 = pair(svycontrast(m, quote(1 - 1 / (pm1 * y1)))), watts = pair(svymean(~watts, d)))
}
out$smooth <- list(all = smooth(pos))
for (r in c("Burgenland", "Tyrol", "Vienna")) out$smooth[[r]] <- smooth(eval(bquote(subset(pos, db040 == .(r)))))
out$fgt <- list(all = lapply(list(a0 = ~gap0, a1 = ~gap1, a2 = ~gap2), function(f) pair(svymean(f, des))))

# --- GE within and between sexes, by means of the whole
m <- svymean(~male + y1 + ym + l1 + lym + yl1 + yl1m + y2 + y2m, pos)
q <- list(
  ge_0 = list(
    between = quote(log(y1) - male * log(ym / male) - (1 - male) * log((y1 - ym) / (1 - male))),
    within = quote(male * log(ym / male) + (1 - male) * log((y1 - ym) / (1 - male)) - l1), total = quote(log(y1) - l1)),
  ge_1 = list(
    between = quote(ym / y1 * log(ym / male / y1) + (1 - ym / y1) * log((y1 - ym) / (1 - male) / y1)),
    within = quote(yl1 / y1 - log(y1) - ym / y1 * log(ym / male / y1) - (1 - ym / y1) * log((y1 - ym) / (1 - male) / y1)),
    total = quote(yl1 / y1 - log(y1))),
  ge_2 = list(
    between = quote((male * (ym / male / y1)^2 + (1 - male) * ((y1 - ym) / (1 - male) / y1)^2 - 1) / 2),
    within = quote((y2 / y1^2 - male * (ym / male / y1)^2 - (1 - male) * ((y1 - ym) / (1 - male) / y1)^2) / 2),
    total = quote((y2 / y1^2 - 1) / 2)))
out$decomposition <- lapply(q, function(parts) lapply(parts, function(e) pair(svycontrast(m, e))))

# --- contributions of the sexes to hardship below 10000
silc$gap1m <- silc$gap1 * silc$male; silc$gap0m <- silc$gap0 * silc$male
des <- svydesign(ids = ~db030, strata = ~db040, weights = ~rb050, data = silc)
out$contribution <- list(a0 = pair(svyratio(~gap0m, ~gap0, des)), a1 = pair(svyratio(~gap1m, ~gap1, des)), share = pair(svymean(~male, des)))

# --- Alkire-Foster: income (low, no work income) and person (old, alone), equal dimensions, k = 0.5
silc$low <- as.numeric(silc$eqIncome < 12000); silc$nowork <- as.numeric(is.na(silc$py010n) | silc$py010n <= 0)
silc$old <- as.numeric(silc$age >= 65); silc$alone <- as.numeric(silc$hsize == 1)
silc$score <- (silc$low + silc$nowork) / 4 + (silc$old + silc$alone) / 4
silc$poor <- as.numeric(silc$score >= 0.5 - 1e-12); silc$cs <- silc$poor * silc$score; silc$one <- 1
for (v in c("low", "nowork", "old", "alone")) { silc[[paste0("c_", v)]] <- silc$poor * silc[[v]]; silc[[paste0("q_", v)]] <- silc[[paste0("c_", v)]] / 4 }
silc$vienna_cs <- silc$cs * (silc$db040 == "Vienna")
des <- svydesign(ids = ~db030, strata = ~db040, weights = ~rb050, data = silc)
af <- function(d) c(list(H = pair(svymean(~poor, d)), A = pair(svyratio(~cs, ~poor, d)), M0 = pair(svymean(~cs, d))),
  setNames(lapply(c("low", "nowork", "old", "alone"), function(v) pair(svymean(as.formula(paste0("~", v)), d))), paste0("headcount:", c("low", "nowork", "old", "alone"))),
  setNames(lapply(c("low", "nowork", "old", "alone"), function(v) pair(svymean(as.formula(paste0("~c_", v)), d))), paste0("censored:", c("low", "nowork", "old", "alone"))),
  setNames(lapply(c("low", "nowork", "old", "alone"), function(v) pair(svyratio(as.formula(paste0("~q_", v)), ~cs, d))), paste0("contribution:", c("low", "nowork", "old", "alone"))))
out$alkire_foster <- list(all = af(des), Vienna = af(subset(des, db040 == "Vienna")), group_vienna = pair(svyratio(~vienna_cs, ~cs, des)))

# --- measures of ranks: influence by pairwise definition, design errors by svytotal
ranks <- function(d, y, w, line) {
  N <- sum(w); T <- sum(w * y)
  gaps <- pmax(0, 1 - y / line)
  A <- colSums(w * abs(outer(y, y, "-"))); G <- sum(w * A) / (2 * N * T)
  M <- colSums(w * outer(gaps, gaps, pmax)) / N; S <- sum(w * M) / N
  o <- order(y); F <- cumsum(w[o]) / N
  q <- function(p) y[o][which(F >= p - 1e-12)[1]]
  share <- function(lo, hi) {
    bottom <- sum(w * y * (y <= q(lo))); top <- sum(w * y * (y > q(hi)))
    z <- (y - (ifelse(y <= q(hi), y - q(hi), 0) + hi * q(hi))) / bottom - top / bottom^2 * (ifelse(y <= q(lo), y - q(lo), 0) + lo * q(lo))
    list(estimate = top / bottom, z = z)
  }
  s20 <- share(0.2, 0.8); palma <- share(0.4, 0.9)
  d <- update(d, zg = A / (N * T) - G / N - G * y / T, zs = 2 * (M - S) / N, zq = s20$z, zp = palma$z)
  list(gini = list(estimate = G, se = as.numeric(SE(svytotal(~zg, d)))), sst = list(estimate = S, se = as.numeric(SE(svytotal(~zs, d)))),
       quintile = list(estimate = s20$estimate, se = as.numeric(SE(svytotal(~zq, d)))), palma = list(estimate = palma$estimate, se = as.numeric(SE(svytotal(~zp, d)))))
}
out$ranks <- list(
  strat = ranks(svydesign(ids = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = strat), strat$api00, strat$pw, 600),
  clus2 = ranks(svydesign(ids = ~dnum + snum, fpc = ~fpc1 + fpc2, data = clus), clus$api00, clus$pw, 650))

# --- laeken: shares of the median as lines, and the median gap below them (rmpg itself knows only 60 %)
suppressPackageStartupMessages(library(laeken))
out$laeken <- lapply(setNames(c(0.4, 0.5, 0.7), c("40", "50", "70")), function(p) {
  line <- unname(arpt("eqIncome", weights = "rb050", p = p, data = silc))
  gap <- function(d) { d <- d[d$eqIncome < line, ]; (line - weightedMedian(d$eqIncome, d$rb050)) / line }
  list(line = line, gap = gap(silc), by = lapply(split(silc, silc$rb090), gap))
})
cat(toJSON(out, auto_unbox = TRUE, digits = NA, pretty = TRUE), "\n")
