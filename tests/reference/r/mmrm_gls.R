# Reference fits for repeated visits: nlme::gls, and clubSandwich for empirical covariances.
# Run from tests/reference: Rscript r/mmrm_gls.R
# Writes data/mmrm_gls.json, data/mmrm_orthodont_missing.csv, data/mmrm_bodyweight.csv.
suppressMessages({library(nlme); library(clubSandwich); library(jsonlite)})
control <- glsControl(maxIter = 500, msMaxIter = 1000, tolerance = 1e-11, msTol = 1e-13, opt = "nlminb")

orthodont <- as.data.frame(Orthodont)
orthodont$Subject <- as.character(orthodont$Subject)
orthodont$visit <- factor(orthodont$age)
orthodont$t <- as.integer(orthodont$visit)
# Missing by a fixed rule: about a fifth of the rows, all visits and both sexes hit.
gone <- (seq_len(nrow(orthodont)) * 7) %% 23 %in% c(0, 3, 8, 13)
orthodont <- orthodont[!gone, c("distance", "age", "Subject", "Sex", "visit", "t")]
orthodont$w <- 0.5 + ((seq_len(nrow(orthodont)) * 5) %% 11) / 8
orthodont$v <- 1 / orthodont$w
write.csv(orthodont, "data/mmrm_orthodont_missing.csv", row.names = FALSE, quote = FALSE)

bodyweight <- as.data.frame(BodyWeight)
bodyweight$Rat <- as.character(bodyweight$Rat)
bodyweight <- bodyweight[, c("weight", "Time", "Rat", "Diet")]
# Irregular days: every rat keeps its own subset of the days, some moved.
keep <- (seq_len(nrow(bodyweight)) * 11) %% 29 > 4
bodyweight <- bodyweight[keep, ]
bodyweight$day <- bodyweight$Time + ((seq_len(nrow(bodyweight)) * 3) %% 7) / 8
write.csv(bodyweight, "data/mmrm_bodyweight.csv", row.names = FALSE, quote = FALSE)

robust <- function(fit) {
  out <- list()
  for (type in c("CR0", "CR2", "CR3")) {
    test <- coef_test(fit, vcov = type, test = "Satterthwaite")
    out[[type]] <- list(se = test$SE, df = test$df_Satt)
  }
  out
}
record <- function(fit, with_robust = FALSE) {
  out <- list(logLik = as.numeric(logLik(fit)), beta = as.list(coef(fit)), vcov = unname(vcov(fit)),
    sigma = fit$sigma, cor = unname(coef(fit$modelStruct$corStruct, unconstrained = FALSE)),
    sd_ratio = as.list(coef(fit$modelStruct$varStruct, unconstrained = FALSE)))
  if (with_robust) out$robust <- robust(fit)
  out
}
gls_fit <- function(formula, data, correlation, weights = NULL, method = "REML") {
  # Named arguments are spelled out in the call, because clubSandwich reads the call again.
  eval(bquote(gls(.(formula), data = .(data), correlation = .(correlation), weights = .(weights),
    method = .(method), control = control)))
}
f <- distance ~ Sex * visit
by_visit <- quote(varIdent(form = ~ 1 | visit))
structures <- list(
  ar1 = list(quote(corAR1(0.5, form = ~ t | Subject)), NULL),
  ar1h = list(quote(corAR1(0.5, form = ~ t | Subject)), by_visit),
  cs = list(quote(corCompSymm(0.5, form = ~ t | Subject)), NULL),
  csh = list(quote(corCompSymm(0.5, form = ~ t | Subject)), by_visit),
  un = list(quote(corSymm(form = ~ t | Subject)), by_visit),
  ar1_weighted = list(quote(corAR1(0.5, form = ~ t | Subject)), quote(varFixed(~ v)))
)
out <- list(orthodont_missing = list(), bodyweight = list())
for (name in names(structures)) for (method in c("REML", "ML")) {
  s <- structures[[name]]
  fit <- gls_fit(f, quote(orthodont), s[[1]], s[[2]], method)
  out$orthodont_missing[[name]][[method]] <- record(fit, method == "REML" && name %in% c("ar1h", "un"))
}
for (method in c("REML", "ML")) {
  fit <- gls_fit(weight ~ day * Diet, quote(bodyweight), quote(corExp(20, form = ~ day | Rat)), NULL, method)
  out$bodyweight$sp_exp[[method]] <- record(fit, method == "REML")
}
# The trial of R's mmrm once more, because its own search stops earlier than this one.
fev <- read.csv("data/mmrm_fev.csv", stringsAsFactors = FALSE)
fev <- fev[!is.na(fev$FEV1), ]
fev$SEX <- factor(fev$SEX, c("Male", "Female"))
fev$AVISIT <- factor(fev$AVISIT)
fev$inverse <- 1 / fev$WEIGHT
g <- FEV1 ~ RACE + SEX + ARMCD * AVISIT
symmetric <- quote(corSymm(form = ~ VISITN | USUBJID))
for (method in c("REML", "ML"))
  out$fev$un[[method]] <- record(gls_fit(g, quote(fev), symmetric, quote(varIdent(form = ~ 1 | AVISIT)), method))
out$fev$un_weighted$REML <- record(gls_fit(g, quote(fev), symmetric,
  quote(varComb(varIdent(form = ~ 1 | AVISIT), varFixed(~ inverse))), "REML"))
# No girl was seen at the last visit: one column of the formula is zero and left out.
empty <- orthodont[!(orthodont$Sex == "Female" & orthodont$visit == "14"), ]
columns <- model.matrix(f, empty)
columns <- columns[, colSums(abs(columns)) > 0]
colnames(columns) <- paste0("x", seq_len(ncol(columns)))
empty <- cbind(empty, columns)
by_column <- reformulate(c("0", colnames(columns)), "distance")
for (name in c("ar1h", "un")) {
  s <- structures[[name]]
  out$empty_cell[[name]]$REML <- record(gls_fit(by_column, quote(empty), s[[1]], s[[2]], "REML"))
}
# Two subjects.
two <- orthodont[orthodont$Subject %in% c("M01", "F02"), ]
out$two_subjects$ar1$REML <- record(gls_fit(distance ~ 1, quote(two), structures$ar1[[1]], NULL, "REML"))
out$session <- list(R = R.version.string, nlme = as.character(packageVersion("nlme")),
  clubSandwich = as.character(packageVersion("clubSandwich")))
write_json(out, "data/mmrm_gls.json", digits = NA, auto_unbox = TRUE, null = "null")
