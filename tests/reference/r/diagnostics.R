# Reference diagnostics: performance (R², ICC), car (generalised VIF) and lme4 (case deletion) on lmer and glmer fits.
# Run from tests/reference: Rscript r/diagnostics.R
# Writes data/diagnostics.json.
suppressMessages({library(lme4); library(performance); library(car); library(jsonlite)})
control <- lmerControl(optimizer = "bobyqa", calc.derivs = FALSE, optCtrl = list(rhobeg = 0.02, rhoend = 1e-11))
sleep <- read.csv("data/sleepstudy_slope.csv", colClasses = c(Subject = "character"))
cake <- transform(read.csv("data/cake_splitplot.csv"), temperature = factor(temperature),
  replicate = factor(replicate), recipe = factor(recipe))
carrots <- read.csv("data/carrots.csv", colClasses = c(Consumer = "character", Homesize = "character"))
pastes <- read.csv("data/pastes_nested.csv")
cbpp <- read.csv("data/cbpp_binomial.csv", colClasses = c(herd = "character", period = "character"))
fits <- list(
  sleepstudy = lmer(Reaction ~ Days + (1 + Days | Subject), sleep, control = control),
  cake = lmer(angle ~ recipe * temperature + (1 | recipe:replicate), cake, control = control),
  carrots = lmer(Preference ~ sens2 * Homesize + (1 + sens2 | Consumer) + (1 | Product), carrots, control = control),
  pastes = lmer(strength ~ 1 + (1 | batch) + (1 | batch:cask), pastes, control = control),
  cbpp = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial,
    control = glmerControl(optimizer = "bobyqa", calc.derivs = FALSE, optCtrl = list(rhoend = 1e-10), tolPwrss = 1e-12))
)
out <- list()
for (name in names(fits)) {
  fit <- fits[[name]]
  r2 <- r2_nakagawa(fit)
  i <- icc(fit)
  found <- list(r2_marginal = unname(r2$R2_marginal), r2_conditional = unname(r2$R2_conditional),
    icc_adjusted = i$ICC_adjusted, icc_unadjusted = i$ICC_unadjusted)
  if (name != "sleepstudy" && name != "carrots") {
    g <- as.data.frame(icc(fit, by_group = TRUE))
    found$icc_by_group <- setNames(as.list(g$ICC), g$Group)
  }
  if (name %in% c("cake", "carrots")) {
    v <- car::vif(fit)
    if (is.null(dim(v))) v <- cbind(GVIF = v, Df = 1)
    found$vif <- data.frame(term = rownames(v), gvif = v[, 1], df = v[, 2])
  }
  out[[name]] <- found
}
# Case deletion by lme4, refitted without each group (exact), and Cook's distances from these.
for (case in list(c("sleepstudy", "Subject"), c("carrots", "Product"))) {
  fit <- fits[[case[1]]]
  left <- influence(fit, groups = case[2], ncores = 1)
  out[[case[1]]]$refit <- list(level = rownames(left[[2]]), beta = unname(left[[2]]),
    cook = unname(cooks.distance(left)))
}
out$session <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
  performance = as.character(packageVersion("performance")), car = as.character(packageVersion("car")))
write_json(out, "data/diagnostics.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
