# Hard cases for the linear mixed model, fitted by lme4 with tight tolerances; Satterthwaite by lmerTest,
# Kenward-Roger by pbkrtest. Writes one CSV of data per case and lmm_hard_cases.json.
#   Rscript tests/reference/r/lmm_hard_cases.R tests/reference/data
suppressPackageStartupMessages({library(lme4); library(lmerTest); library(pbkrtest); library(jsonlite)})
options(digits = 17)
out <- commandArgs(TRUE)[1]
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5), calc.derivs = TRUE,
                     check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore",
                     check.rankX = "silent.drop.cols", check.scaleX = "ignore")
set.seed(20261123)

nested <- function(patients = 48, visits = 5, therapists = 12, clinics = 4) {
  patient <- rep(seq_len(patients), each = visits)
  therapist <- ((patient - 1) %% therapists) + 1
  clinic <- ((therapist - 1) %% clinics) + 1
  weeks <- round(runif(length(patient), 0, 26), 2)
  age <- round(rnorm(patients, 47, 12))[patient]
  b0 <- rnorm(patients, 0, 1.2); b1 <- rnorm(patients, 0, 0.08)
  pain <- 6 - 0.1 * weeks + 0.01 * age + b0[patient] + b1[patient] * weeks +
    rnorm(therapists, 0, 0.6)[therapist] + rnorm(clinics, 0, 0.5)[clinic] + rnorm(length(patient), 0, 0.9)
  data.frame(patient = sprintf("p%02d", patient), therapist = sprintf("t%02d", therapist),
             clinic = sprintf("c%d", clinic), weeks, age, arm = ifelse(patient %% 3 == 0, "new", "usual"), pain)
}
base <- nested()
lost <- base[runif(nrow(base)) > 0.35, ]

crossed <- local({
  n <- 260
  patient <- sample(sprintf("p%02d", 1:40), n, TRUE, prob = (1:40)^0.7)
  therapist <- sample(sprintf("t%02d", 1:9), n, TRUE, prob = 9:1)
  room <- sample(sprintf("r%d", 1:5), n, TRUE)
  x <- rnorm(n); z <- sample(c("heat", "cold", "none"), n, TRUE, prob = c(.6, .3, .1))
  y <- 2 + 0.5 * x + (z == "heat") * 0.4 + rnorm(40)[as.integer(substr(patient, 2, 3))] +
    rnorm(9, 0, 0.7)[as.integer(substr(therapist, 2, 3))] + rnorm(5, 0, .3)[as.integer(substr(room, 2, 2))] + rnorm(n)
  data.frame(patient, therapist, room, x, z, y)
})

two <- local({
  d <- data.frame(site = rep(c("north", "south"), each = 30), x = round(rnorm(60), 3))
  d$y <- round(1 + 0.3 * d$x + ifelse(d$site == "north", 0.8, -0.8) + rnorm(60), 6); d
})

flat <- local({  # no patient has a slope of its own, no clinic a level: variances that end at zero
  set.seed(3)
  d <- nested(30, 6, 6, 3)
  d$pain <- 5 - 0.08 * d$weeks + rnorm(30, 0, 1.1)[as.integer(substr(d$patient, 2, 3))] + rnorm(nrow(d)); d
})

nearly <- local({  # a patient variance of about a thousandth of the residual's
  set.seed(52); p <- rep(1:60, each = 6)
  d <- data.frame(patient = sprintf("p%02d", p), weeks = rep(c(0, 2, 4, 8, 12, 26), 60))
  d$pain <- 5 - 0.05 * d$weeks + rnorm(60, 0, 0.16)[p] + rnorm(360, 0, 1.4); d
})

visits <- within(lost, {
  noise <- rnorm(nrow(lost)); sum_of <- age + weeks; double <- 2 * age
  w <- round(runif(nrow(lost), 0.2, 5), 2)
  day20 <- (20000 + round(weeks * 7)) / 20000; day <- 20000 + round(weeks * 7); pain_big <- 1e6 + pain
  pain_tiny <- pain * 1e-9; age_huge <- age * 1e8; weeks_tiny <- weeks * 1e-7
})
tables <- list(visits = visits, crossed = crossed, two_sites = two, flat_slopes = flat, nearly = nearly)
for (name in names(tables)) {
  file <- file.path(out, paste0("hard_", name, ".csv"))
  write.csv(format(tables[[name]], digits = 15, trim = TRUE), file, row.names = FALSE, quote = FALSE)
  tables[[name]] <- read.csv(file)
}

cases <- list(
  nested_unbalanced = list("visits", pain ~ weeks * arm + age + (1 + weeks | patient) + (1 | therapist) + (1 | clinic)),
  crossed_unbalanced = list("crossed", y ~ x + z + (1 | patient) + (1 | therapist) + (1 | room)),
  crossed_slopes = list("crossed", y ~ x + z + (1 + x | patient) + (0 + x | therapist) + (1 | therapist)),
  uncorrelated = list("visits", pain ~ weeks + arm + (1 + weeks || patient) + (1 | clinic)),
  same_factor = list("visits", pain ~ weeks + (1 | patient) + (0 + weeks | patient) + (1 | therapist)),
  singular_slope = list("flat_slopes", pain ~ weeks + (1 + weeks | patient)),
  singular_factor = list("flat_slopes", pain ~ weeks + arm + (1 | patient) + (1 | clinic)),
  nearly_singular = list("nearly", pain ~ weeks + (1 | patient)),
  two_clusters = list("two_sites", y ~ x + (1 | site)),
  weights = list("visits", pain ~ weeks + arm + (1 + weeks | patient) + (1 | clinic), "w"),
  dates = list("visits", pain_big ~ day + age + (1 | patient) + (1 | therapist)),
  dates_slope = list("visits", pain ~ day20 + (1 | therapist) + (0 + day20 | patient)),
  collinear = list("visits", pain ~ weeks + age + double + sum_of + noise + (1 | patient)),
  spline = list("visits", pain ~ weeks + I(weeks^2) + I(weeks^3) + arm:weeks + (1 | patient)),
  category_slopes = list("crossed", y ~ z + (0 + z | therapist) + (1 | patient)),
  interaction_group = list("crossed", y ~ x + (1 | therapist:room) + (1 | patient))
)

report <- list()
for (name in names(cases)) {
  case <- cases[[name]]; data <- tables[[case[[1]]]]; w <- if (length(case) > 2) data[[case[[3]]]] else NULL
  data$.w <- if (is.null(w)) 1 else w
  entry <- list(data = case[[1]], formula = paste(deparse(case[[2]], width.cutoff = 500), collapse = ""), weights = if (is.null(w)) NULL else case[[3]])
  for (reml in c(TRUE, FALSE)) {
    fit <- if (is.null(w)) lmerTest::lmer(case[[2]], data, REML = reml, control = tight)
           else lmerTest::lmer(case[[2]], data, REML = reml, control = tight, weights = .w)
    vc <- as.data.frame(VarCorr(fit), order = "lower.tri")
    one <- list(loglik = as.numeric(logLik(fit)), names = names(fixef(fit)), estimate = unname(fixef(fit)),
                se = unname(sqrt(diag(as.matrix(vcov(fit))))), singular = isSingular(fit),
                varcomp = list(group = vc$grp, var1 = vc$var1, var2 = vc$var2, vcov = vc$vcov, sdcor = vc$sdcor))
    table <- try(coef(summary(fit, ddf = "Satterthwaite")), silent = TRUE)
    if (!inherits(table, "try-error") && "df" %in% colnames(table)) one$df <- unname(table[, "df"])
    if (reml && is.null(w)) {
      kr <- try(coef(summary(fit, ddf = "Kenward-Roger")), silent = TRUE)
      if (!inherits(kr, "try-error")) one$kenward_roger <- list(se = unname(kr[, "Std. Error"]), df = unname(kr[, "df"]))
    }
    entry[[if (reml) "reml" else "ml"]] <- one
  }
  report[[name]] <- entry
}
report$session <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                       lmerTest = as.character(packageVersion("lmerTest")), pbkrtest = as.character(packageVersion("pbkrtest")))
write_json(report, file.path(out, "lmm_hard_cases.json"), digits = I(17), auto_unbox = TRUE, null = "null", na = "null", pretty = 1)
