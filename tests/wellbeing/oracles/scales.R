# Reference values of scales and ordered models. Run by hand: Rscript scales.R; the tests read its files and never call R.
# R 4.2 with psych 2.2.9, lavaan 0.6-14, survey, MASS. The items are psych's bfi A1-A5 (A1 runs against the others).
library(psych); library(lavaan); library(survey); library(MASS)
options(digits = 17)
write <- function(x, file) writeLines(jsonlite::toJSON(x, digits = NA, auto_unbox = TRUE, pretty = TRUE), file)

data(bfi, package = "psych")
a <- na.omit(bfi[, paste0("A", 1:5)])[1:600, ]
set.seed(7)
a$weight <- sample(1:4, nrow(a), replace = TRUE)
a$stratum <- rep(1:4, each = 150)
a$psu <- rep(1:60, each = 10)
write.csv(a, "items.csv", row.names = FALSE)

turned <- a; turned$A1 <- 7 - turned$A1
items <- turned[, 1:5]
plain <- alpha(items, warnings = FALSE)
wide <- turned[rep(seq_len(nrow(turned)), turned$weight), 1:5]        # whole-number weights as copies
heavy <- alpha(wide, warnings = FALSE)

ordered_items <- function(d) { for (k in names(d)) d[[k]] <- ordered(d[[k]]); d }
loads <- function(d) {
  model <- paste("f =~", paste(names(d), collapse = " + "))
  fit <- cfa(model, ordered_items(d), std.lv = TRUE, estimator = "ULS", ordered = names(d),
             control = list(rel.tol = 1e-15, iter.max = 10000))
  r <- unclass(lavCor(ordered_items(d), ordered = names(d), se = "none", control = list(rel.tol = 1e-15)))
  l <- unname(coef(fit)[1:5])
  k <- length(l)
  list(correlations = r[lower.tri(r)], thresholds = unname(lavInspect(fit, "th")), loadings = l,
       omega = sum(l)^2 / (sum(l)^2 + sum(1 - l^2)), ordinal_alpha = k / (k - 1) * (1 - k / sum(r)))
}

design <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = turned)
v <- svyvar(~A1 + A2 + A3 + A4 + A5, design)
names_of <- as.vector(outer(1:5, 1:5, paste, sep = "_"))
m <- as.vector(as.matrix(v)); V <- vcov(v)                            # 25 elements of the covariance matrix
alpha_of <- function(m) { s <- matrix(m, 5); 5 / 4 * (1 - sum(diag(s)) / sum(s)) }
slope <- sapply(1:25, function(i) { e <- rep(0, 25); e[i] <- 1e-5
  (alpha_of(m + e) - alpha_of(m - e)) / 2e-5 })
se_alpha <- sqrt(drop(t(slope) %*% V %*% slope))

write(list(plain = list(alpha = plain$total$raw_alpha, item_rest = plain$item.stats$r.drop,
                        alpha_without = plain$alpha.drop$raw_alpha),
           heavy = list(alpha = heavy$total$raw_alpha, item_rest = heavy$item.stats$r.drop,
                        alpha_without = heavy$alpha.drop$raw_alpha),
           se_alpha = se_alpha, alpha_design = alpha_of(m),
           plain_ordinal = loads(items), heavy_ordinal = loads(wide)), "scales.json")
