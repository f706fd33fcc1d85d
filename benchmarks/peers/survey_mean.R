# Mean by domain with R's survey package: Rscript survey_mean.R FOLDER REPEATS -> one line of JSON
suppressMessages(library(survey))
arguments <- commandArgs(TRUE)
folder <- arguments[1]
rows <- scan(file.path(folder, "rows.txt"), quiet = TRUE)
names <- c("domain", "stratum", "psu", "weight", "income", "poor")
sample <- as.data.frame(lapply(setNames(names, names), function(name)
  readBin(file.path(folder, paste0(name, ".f8")), "double", rows)))
seconds <- c()
cpu <- c()
for (i in seq_len(as.integer(arguments[2]))) {
  started <- proc.time()
  design <- svydesign(~psu, strata = ~stratum, weights = ~weight, data = sample)
  found <- svyby(~income, ~domain, design, svymean)
  bounds <- confint(found, df = degf(design))
  used <- proc.time() - started
  seconds <- c(seconds, used[["elapsed"]])
  cpu <- c(cpu, used[["user.self"]] + used[["sys.self"]])
}
peak <- as.numeric(gsub("[^0-9]", "", grep("VmHWM", readLines("/proc/self/status"), value = TRUE))) / 1024
cat(sprintf('{"seconds": [%s], "cpu": [%s], "memory": %f, "estimate": [%s], "se": [%s]}\n', paste(seconds, collapse = ", "),
  paste(cpu, collapse = ", "), peak,
  paste(sprintf("%.17g", coef(found)), collapse = ", "), paste(sprintf("%.17g", SE(found)), collapse = ", ")))
