# Tests of fixed effects: anova of types I, II and III by lmerTest (Satterthwaite) and pbkrtest (Kenward-Roger),
# strata by nlme, likelihood ratios by lme4. Reads the data beside it, writes inference_references.json.
#   Rscript tests/reference/r/inference.R tests/reference/data
suppressPackageStartupMessages({library(lme4); library(lmerTest); library(pbkrtest); library(nlme); library(jsonlite)})
options(digits = 17)
dir <- commandArgs(TRUE)[1]
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5), check.conv.singular = "ignore",
                     check.conv.grad = "ignore", check.conv.hess = "ignore", check.rankX = "silent.drop.cols")
read <- function(name) read.csv(file.path(dir, paste0(name, ".csv")), stringsAsFactors = TRUE)
cake <- read("cake_splitplot"); cake$temperature <- factor(cake$temperature); cake$replicate <- factor(cake$replicate)
beets <- read("beets_splitplot"); carrots <- read("carrots")
carrots$Homesize <- factor(carrots$Homesize); carrots$Consumer <- factor(carrots$Consumer)
crossed <- read("hard_crossed"); visits <- read("hard_visits")
crossed$time <- factor(rep(c("early", "late", "later"), length.out = nrow(crossed)), levels = c("early", "late", "later"))

cases <- list(
  cake = list(cake, angle ~ recipe * temperature + (1 | recipe:replicate)),
  beets = list(beets, sugpct ~ block + sow + harvest + (1 | block:harvest)),
  carrots = list(carrots, Preference ~ sens2 + Homesize + (1 + sens2 | Consumer)),
  two_factors = list(crossed, y ~ z * time + x + (1 | patient) + (1 | therapist)),
  factor_by_covariate = list(crossed, y ~ z * x + time + (1 | patient) + (1 | therapist)),
  three_way = list(visits, pain ~ arm * weeks * age + (1 | patient)),
  curve = list(visits, pain ~ arm * weeks + I(weeks^2) + (1 | patient))
)
table <- function(a) list(term = trimws(rownames(a)), sum_sq = a[["Sum Sq"]], mean_sq = a[["Mean Sq"]], num_df = a[["NumDF"]],
                          den_df = a[["DenDF"]], statistic = a[["F value"]], p_value = a[["Pr(>F)"]])
report <- list()
for (name in names(cases)) {
  fit <- lmerTest::lmer(cases[[name]][[2]], cases[[name]][[1]], control = tight)
  entry <- list(formula = paste(deparse(cases[[name]][[2]], width.cutoff = 500), collapse = ""))
  for (type in c("I", "II", "III")) entry[[paste0("satterthwaite_", type)]] <- table(anova(fit, type = type))
  entry$kenward_roger_III <- table(anova(fit, type = "III", ddf = "Kenward-Roger"))
  if (name %in% c("cake", "carrots", "two_factors")) {
    p <- length(fixef(fit)); L <- diag(p)[-1, , drop = FALSE]
    kr <- KRmodcomp(fit, L)
    entry$all_slopes <- as.list(kr$test["Ftest", ])
  }
  report[[name]] <- entry
}

strata <- function(fit) list(names = rownames(summary(fit)$tTable), df = unname(summary(fit)$tTable[, "DF"]))
orthodont <- read("orthodont_slope"); orthodont$Sex <- factor(orthodont$Sex, levels = c("Male", "Female"))
report$between_within <- list(
  orthodont = strata(lme(distance ~ age * Sex, random = ~1 | Subject, data = orthodont)),
  visits = strata(lme(pain ~ weeks * arm + age, random = ~1 | patient, data = visits)),
  nested = strata(lme(pain ~ weeks + age + arm, random = ~1 | clinic/therapist/patient, data = visits))
)

pair <- function(small, large, data) {
  a <- lme4::lmer(small, data, REML = FALSE, control = tight); b <- lme4::lmer(large, data, REML = FALSE, control = tight)
  t <- anova(a, b, refit = FALSE)
  list(small = deparse(small), large = deparse(large), n_par = t$npar, loglik = t$logLik, deviance = t$deviance,
       aic = t$AIC, bic = t$BIC, chi_sq = t$Chisq[2], df = t$Df[2], p_value = t[["Pr(>Chisq)"]][2])
}
report$compare <- list(
  fixed = pair(pain ~ weeks + (1 | patient), pain ~ weeks + arm + age + (1 | patient), visits),
  random = pair(pain ~ weeks + (1 | patient), pain ~ weeks + (1 + weeks | patient), visits)
)
report$session <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                       lmerTest = as.character(packageVersion("lmerTest")), pbkrtest = as.character(packageVersion("pbkrtest")),
                       nlme = as.character(packageVersion("nlme")))
write_json(report, file.path(dir, "inference_references.json"), digits = I(17), auto_unbox = TRUE, null = "null", na = "null", pretty = 1)
