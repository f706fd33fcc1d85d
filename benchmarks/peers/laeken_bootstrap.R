# Bootstrap of Gini and at-risk-of-poverty by region with R's laeken: Rscript laeken_bootstrap.R FOLDER REPLICATES
suppressWarnings(suppressMessages(library(laeken)))
arguments <- commandArgs(TRUE)
folder <- arguments[1]
rows <- scan(file.path(folder, "rows.txt"), quiet = TRUE)
names <- c("stratum", "psu", "weight", "income")
sample <- as.data.frame(lapply(setNames(names, names), function(name)
  readBin(file.path(folder, paste0(name, ".f8")), "double", rows)))
sample$region <- factor(sample$stratum)
sample$psu <- as.integer(sample$psu)
found <- list()
for (what in c("gini", "arpr"))
  found[[what]] <- get(what)("income", weights = "weight", breakdown = "region", data = sample)
started <- proc.time()
for (what in c("gini", "arpr"))
  variance("income", weights = "weight", breakdown = "region", design = "region", cluster = "psu", data = sample,
    indicator = found[[what]], R = as.integer(arguments[2]), bootType = "naive")
used <- proc.time() - started
peak <- as.numeric(gsub("[^0-9]", "", grep("VmHWM", readLines("/proc/self/status"), value = TRUE))) / 1024
values <- sapply(found, function(one) {
  by <- one$valueByStratum
  by$value[order(as.integer(as.character(by$stratum)))] / 100
})
cat(sprintf('{"seconds": [%f], "cpu": [%f], "memory": %f, "estimate": [%s]}\n', used[["elapsed"]],
  used[["user.self"]] + used[["sys.self"]], peak,
  paste(sprintf("%.17g", t(values)), collapse = ", ")))
