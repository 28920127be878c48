# Designs drawn at random, fitted by lme4 from several starts with tight tolerances; Satterthwaite by lmerTest,
# Kenward-Roger by pbkrtest where there are no weights (it leaves them out). Reads lmm_random_designs.csv.
#   Rscript tests/reference/r/lmm_random_designs.R tests/reference/data
suppressPackageStartupMessages({library(lme4); library(lmerTest); library(pbkrtest); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
formulas <- c(
  "y ~ a*b + (1 + a | g) + (1 | h)",
  "y ~ b*w + (1 | g) + (0 + z | g) + (1 | h)",
  "y ~ a + (1 | g) + (1 | h) + (1 | k)",
  "y ~ a*b + (0 + w | g) + (1 | h) + (1 | k)",
  "y ~ b + x:b + (0 + a | g)",
  "y ~ a*b*w + (1 + x | g)",
  "y ~ a*b + (w || g)",
  "y ~ x + p0 + p1 + p2 + p3 + p4 + p5 + p6 + p7 + (0 + a | g)",
  "y ~ a + (1 | g)",
  "y ~ a*b*w + (1 | g) + (1 | h)",
  "y ~ x + z + (0 + w | h/g)",
  "y ~ a*w + (1 | g) + (1 | h)",
  "y ~ a*w + (1 + w | g)",
  "y ~ a + (1 | g) + (0 + z | g) + (1 | h) + (1 | k)",
  "y ~ b + x:b + (0 + w | g) + (1 | h) + (1 | k)",
  "y ~ x*z + (1 + w | g)",
  "y ~ a*b*w + (1 + w | g) + (1 | h)",
  "y ~ x + (1 | g) + (1 + w | h)",
  "y ~ a + (w || g) + (1 | h) + (1 | k)",
  "y ~ x + z + (1 + w | g)",
  "y ~ b + x:b + (z + w || g) + (1 | h) + (1 | k)",
  "y ~ b*w + (1 + x | g) + (1 | h)",
  "y ~ b*w + (1 + a | g)",
  "y ~ a*w + (1 + w + z | g) + (1 | h)",
  "y ~ b + x:b + (1 + w | g)",
  "y ~ a + (1 | g)",
  "y ~ 0 + a + z + (w || g)"
)
weighted <- c(5, 6, 8, 12, 13, 22, 26)
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-10, maxfun = 1e5),
                     calc.derivs = FALSE, check.conv.singular = "ignore", check.scaleX = "ignore",
                     check.rankX = "silent.drop.cols")
rows <- read.csv(file.path(folder, "lmm_random_designs.csv"))

answer <- function(number) {
  part <- rows[rows$design == number, ]
  part[c("g", "h", "k")] <- lapply(part[c("g", "h", "k")], factor)
  part$prior <- if (number %in% weighted) part$wt else rep(1, nrow(part))
  formula <- as.formula(formulas[number + 1])
  fit_from <- function(start) suppressWarnings(suppressMessages(
    lmerTest::lmer(formula, part, weights = prior, control = tight, start = start)))
  best <- fit_from(NULL)
  theta <- getME(best, "theta")
  for (start in list(theta / 2 + 0.1, 0.7 * (getME(best, "lower") == 0), theta)) {
    other <- tryCatch(fit_from(start), error = function(e) NULL)
    if (!is.null(other) && logLik(other) > logLik(best)) best <- other
  }
  by <- function(ddf) {
    table <- anova(best, ddf = ddf)
    cells <- coef(summary(best, ddf = ddf))
    list(se = cells[, 2], df = cells[, 3], terms = I(rownames(table)), F = I(table[["F value"]]),
         den_df = I(table[["DenDF"]]))
  }
  found <- list(formula = formulas[number + 1], weighted = number %in% weighted,
                loglik = as.numeric(logLik(best)), singular = isSingular(best),
                names = names(fixef(best)), estimates = unname(fixef(best)),
                sds = as.data.frame(VarCorr(best), order = "lower.tri")$sdcor[is.na(as.data.frame(VarCorr(best), order = "lower.tri")$var2)],
                satterthwaite = by("Satterthwaite"))
  if (!number %in% weighted) found[["kenward-roger"]] <- by("Kenward-Roger")
  found
}

answers <- lapply(seq_along(formulas) - 1, answer)
session <- paste("R", getRversion(), "lme4", packageVersion("lme4"), "lmerTest", packageVersion("lmerTest"),
                 "pbkrtest", packageVersion("pbkrtest"))
write(toJSON(list(session = session, designs = answers), digits = 12, auto_unbox = TRUE, na = "null"),
      file.path(folder, "lmm_random_designs.json"))
