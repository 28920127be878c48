# The process that fits for the R engines: reads one request a line, answers one JSON line each.
#   Rscript --vanilla peers.R MODEL data.csv "formula in lme4's notation"
# The clock is proc.time around the fit and the reading of estimates, standard errors and, where the engine has
# them, degrees of freedom.
suppressMessages({library(jsonlite); library(lme4)})
arguments <- commandArgs(trailingOnly = TRUE)
model <- arguments[[1]]
data <- read.csv(arguments[[2]])
formula <- as.formula(arguments[[3]])
fixed <- nobars(formula)
for (name in c("patient", "therapist", "clinic", "arm", "visit"))
  if (name %in% names(data)) data[[name]] <- factor(data[[name]])

from_lmer <- function(m) list(
  loglik = as.numeric(logLik(m)), estimates = as.list(fixef(m)), se = as.list(sqrt(diag(as.matrix(vcov(m))))),
  remark = if (isSingular(m)) "singular" else paste(unlist(m@optinfo$conv$lme4$messages), collapse = "; ")
)
with_df <- function(m, ddf) {
  table <- suppressMessages(coef(summary(m, ddf = ddf)))
  answer <- from_lmer(m)
  answer$se <- as.list(table[, "Std. Error"])
  answer$df <- as.list(table[, "df"])
  answer
}
quiet <- function(expression) suppressMessages(suppressWarnings(expression))
no_check <- lmerControl(calc.derivs = FALSE)

fits <- list(
  "lme4" = function() quiet(lmer(formula, data)),
  "lme4 without derivative check" = function() quiet(lmer(formula, data, control = no_check)),
  "lmerTest" = function() {
    quiet(lmerTest::lmer(formula, data))
  },
  "pbkrtest" = function() {
    quiet(lmerTest::lmer(formula, data))
  },
  "nlme" = function() {
    random <- if (model == "M1") list(patient = ~ 1 + weeks)
      else list(clinic = ~ 1, therapist = ~ 1, patient = ~ 1 + weeks)
    do.call(nlme::lme, list(fixed, data = data, random = random))
  },
  "nlme::gls" = function() do.call(nlme::gls, list(
    fixed, data = data, weights = nlme::varIdent(form = ~ 1 | visit),
    correlation = nlme::corSymm(form = ~ as.integer(visit) | patient)
  )),
  "glmmTMB" = function() {
    if (model == "M3") {
      whole <- update(fixed, . ~ . + us(0 + visit | patient))
      quiet(glmmTMB::glmmTMB(whole, data, REML = TRUE, dispformula = ~ 0))
    } else quiet(glmmTMB::glmmTMB(formula, data, REML = TRUE))
  }
)
reads <- list(
  "lmerTest" = function(m) with_df(m, "Satterthwaite"),
  "pbkrtest" = function(m) with_df(m, "Kenward-Roger"),
  "nlme" = function(m) list(
    loglik = as.numeric(logLik(m)), estimates = as.list(nlme::fixef(m)), se = as.list(sqrt(diag(vcov(m))))
  ),
  "nlme::gls" = function(m) list(
    loglik = as.numeric(logLik(m)), estimates = as.list(coef(m)), se = as.list(sqrt(diag(vcov(m))))
  ),
  "glmmTMB" = function(m) list(
    loglik = as.numeric(logLik(m)), estimates = as.list(glmmTMB::fixef(m)$cond),
    se = as.list(sqrt(diag(vcov(m)$cond))), converged = m$fit$convergence == 0
  )
)
resident <- function(key) {
  line <- grep(paste0("^", key), readLines("/proc/self/status"), value = TRUE)
  as.numeric(strsplit(trimws(line), "[[:space:]]+")[[1]][2]) / 1024
}
say <- function(answer) {
  cat("\nANSWER ", toJSON(answer, auto_unbox = TRUE, digits = NA, na = "null", null = "null"), "\n", sep = "")
  flush(stdout())
}

version_of <- function(package) tryCatch(as.character(packageVersion(package)), error = function(fault) "")
packages <- c("lme4", "lmerTest", "pbkrtest", "nlme", "glmmTMB")
say(list(
  ready = TRUE, data_mb = as.numeric(object.size(data)) / 2^20,
  versions = c(list(R = paste(R.version$major, R.version$minor, sep = ".")), sapply(packages, version_of)),
  blas = sessionInfo()$BLAS
))
requests <- file("stdin", open = "r")
while (length(name <- readLines(requests, n = 1)) > 0) {
  answer <- tryCatch({
    if (!is.null(fits[[name]])) {
      invisible(gc())
      try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE)
      before <- resident("VmRSS")
      start <- proc.time()[["elapsed"]]
      read <- if (is.null(reads[[name]])) from_lmer else reads[[name]]
      found <- read(fits[[name]]())
      seconds <- proc.time()[["elapsed"]] - start
      c(list(seconds = seconds, rss_before_mb = before, rss_peak_mb = resident("VmHWM")), found)
    } else stop("no such engine")
  }, error = function(fault) list(failed = substr(conditionMessage(fault), 1, 200)))
  say(answer)
}
