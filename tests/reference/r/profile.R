# Profile intervals of linear mixed models by lme4: Rscript profile.R <data folder> <output.json>
suppressMessages({library(lme4); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
sleep <- read.csv(file.path(folder, "sleepstudy_slope.csv"))
pastes <- read.csv(file.path(folder, "pastes_nested.csv"))
dyestuff2 <- read.csv(file.path(folder, "dyestuff2_singular.csv"))
cases <- list(
  sleepstudy_slope = list(Reaction ~ Days + (1 + Days | Subject), sleep),
  dyestuff = list(Yield ~ 1 + (1 | Batch), Dyestuff),
  pastes_nested = list(strength ~ 1 + (1 | batch) + (1 | sample), pastes),
  dyestuff2_singular = list(Yield ~ 1 + (1 | Batch), dyestuff2))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
made <- lapply(cases, function(case) {
  fit <- lmer(case[[1]], case[[2]], REML = FALSE, control = control)
  limits <- confint(profile(fit, delta = 0.05, devtol = 1e-7, maxpts = 400, signames = FALSE), level = 0.95)
  list(formula = paste(deparse(case[[1]]), collapse = " "),
       intervals = lapply(split(limits, rownames(limits)), as.numeric))
})
made$dyestuff$data <- list(Yield = Dyestuff$Yield, Batch = as.character(Dyestuff$Batch))
made$session <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")))
write(toJSON(made, digits = 17, auto_unbox = TRUE, na = "null", pretty = TRUE), commandArgs(TRUE)[2])
