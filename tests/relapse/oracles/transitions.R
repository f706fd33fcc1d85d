# Transition matrix, Shorrocks index and mean stay of a small invented panel, with R's survey: the panel and the figures.
# Rscript transitions.R, in this folder, writes transitions.csv and transitions.json.
library(survey)
library(jsonlite)
set.seed(20251)
units <- 90
panel <- do.call(rbind, lapply(seq_len(units), function(i) {
  psu <- (i - 1) %/% 5
  moves <- rbind(c(0.6, 0.3, 0.1), c(0.2, 0.6, 0.2), c(0.05, 0.15, 0.8))
  state <- sample(3, 1, prob = c(0.3, 0.3, 0.4))
  rows <- NULL
  for (year in 2020:2023) {
    if (runif(1) > 0.1) {
      rows <- rbind(rows, data.frame(
        household_id = sprintf("h%02d", i), year = year, stratum = psu %/% 6 + 1, psu = psu + 1,
        weight = round(runif(1, 1, 4), 3), grade = c("deep", "relative", "none")[state]
      ))
    }
    state <- sample(3, 1, prob = plogis(qlogis(moves[state, ]) + 0.3 * sin(psu)))
  }
  rows
}))
earlier <- panel[c("household_id", "year", "grade")]
earlier$year <- earlier$year + 1
names(earlier)[3] <- "from"
panel <- merge(panel, earlier, all.x = TRUE)
panel$known <- !is.na(panel$from)
panel$from[!panel$known] <- "none"
design <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = panel)
pairs <- subset(design, known)
matrix <- svyby(~grade, ~from, pairs, svymean, covmat = TRUE)
states <- c("deep", "none", "relative")
named <- paste0(rep(states, 3), ":grade", rep(states, each = 3))
found <- coef(matrix)[named]
error <- SE(svycontrast(matrix, setNames(lapply(named, function(n) setNames(1, n)), named)))
diagonal <- paste0(states, ":grade", states)
terms <- paste0("`", diagonal, "`")
shorrocks <- svycontrast(matrix, parse(text = paste0("(3 - (", paste(terms, collapse = " + "), ")) / 2"))[[1]])
stay <- lapply(terms, function(t) svycontrast(matrix, parse(text = paste0("1 / (1 - ", t, ")"))[[1]]))
pairs <- update(pairs, same = as.numeric(grade == from))
immobility <- svymean(~same, pairs)
write.csv(panel[c("household_id", "year", "stratum", "psu", "weight", "grade")], "transitions.csv", row.names = FALSE)
write_json(list(
  states = states, matrix = list(name = named, estimate = unname(found), se = unname(error)),
  shorrocks = c(coef(shorrocks), SE(shorrocks)), immobility = c(coef(immobility), SE(immobility)),
  stay = lapply(stay, function(s) c(coef(s), SE(s)))
), "transitions.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
