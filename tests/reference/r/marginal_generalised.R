# Reference marginal means on the link and the response scale: emmeans on glmer and clmm fits.
# Run from tests/reference: Rscript r/marginal_generalised.R
# Writes data/marginal_wine.csv and data/marginal_generalised.json; the cattle are those of data/cbpp_binomial.csv.
suppressMessages({library(lme4); library(ordinal); library(emmeans); library(jsonlite)})
emm_options(opt.digits = FALSE)
plain <- function(s) {
  out <- as.data.frame(s)
  for (name in names(out)) if (is.factor(out[[name]])) out[[name]] <- as.character(out[[name]])
  names(out)[names(out) %in% c("emmean", "prob", "rate", "odds.ratio", "ratio", "mean.class")] <- "estimate"
  names(out) <- sub("^asymp\\.", "", names(out))
  out[, setdiff(names(out), "df")]
}
table_of <- function(e, adjust = "none", ...) plain(summary(e, infer = c(TRUE, TRUE), adjust = adjust, ...))

cattle <- data.frame(herd = as.character(cbpp$herd), period = as.character(cbpp$period),
  incidence = cbpp$incidence, size = cbpp$size)
tasted <- data.frame(judge = as.character(wine$judge), temp = as.character(wine$temp),
  contact = as.character(wine$contact), rating = as.integer(wine$rating))
write.csv(tasted, "data/marginal_wine.csv", row.names = FALSE, quote = FALSE)
control <- function(...) glmerControl(optimizer = "bobyqa", calc.derivs = TRUE, tolPwrss = 1e-10,
  optCtrl = list(rhoend = 1e-9))
fits <- list(
  logit = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cattle, binomial, control = control()),
  poisson = glmer(incidence ~ period + log(size) + (1 | herd), cattle, poisson, control = control()))
out <- list()
for (name in names(fits)) {
  e <- emmeans(fits[[name]], ~ period)
  out[[name]] <- list(link = table_of(e), response = table_of(e, type = "response"),
    pairs = table_of(pairs(e), "tukey"), ratios = table_of(pairs(e), "tukey", type = "response"))
}
tasted$grade <- factor(tasted$rating)
fit <- clmm(grade ~ temp * contact + (1 | judge), tasted)
e <- emmeans(fit, ~ temp * contact, mode = "latent")
places <- seq_along(coef(fit))
out$ordinal <- list(coef = as.list(coef(fit)), vcov = unname(vcov(fit)[places, places]), latent = table_of(e), pairs = table_of(pairs(e), "tukey"),
  probabilities = table_of(emmeans(fit, ~ grade | temp * contact, mode = "prob")),
  mean_class = table_of(emmeans(fit, ~ temp * contact, mode = "mean.class")))
packages <- c("lme4", "ordinal", "emmeans")
out$session <- as.list(c(R = as.character(getRversion()), sapply(packages, function(p) as.character(packageVersion(p)))))
write_json(out, "data/marginal_generalised.json", digits = I(15), auto_unbox = TRUE, na = "null", dataframe = "columns")
