# Reference marginal means, slopes and adjusted comparisons: emmeans on lmer fits.
# Run from tests/reference: Rscript r/marginal_means.R
# Writes data/marginal_looms.csv and data/marginal_means.json.
suppressMessages({library(lme4); library(lmerTest); library(emmeans); library(pbkrtest); library(jsonlite)})
emm_options(opt.digits = FALSE, msg.interaction = FALSE, msg.nesting = FALSE)
control <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
  optCtrl = list(xtol_abs = 1e-11, ftol_abs = 1e-13, maxeval = 5000))

# Looms in mills, as the data of warp breaks but with a covariate and very unequal cells.
set.seed(20)
looms <- expand.grid(mill = sprintf("m%02d", 1:14), wool = c("A", "B"), tension = c("L", "M", "H"),
  again = 1:2, stringsAsFactors = FALSE)
keep <- (seq_len(nrow(looms)) * 7) %% 17 %in% c(0, 2, 3, 5, 8, 9, 11, 14, 16)
keep <- keep & !(looms$wool == "B" & looms$tension == "H" & (seq_len(nrow(looms)) %% 3 > 0))
looms <- looms[keep, ]
n <- nrow(looms)
looms$load <- round(runif(n, 1, 9), 2)
looms$late <- runif(n) < ifelse(looms$tension == "L", 0.2, 0.6)
mill <- rnorm(14, sd = 2)
looms$breaks <- round(30 - 2 * (looms$wool == "B") - 4 * (looms$tension == "M") - 5 * (looms$tension == "H") +
  3 * (looms$wool == "B" & looms$tension == "M") + 0.8 * looms$load + 2 * looms$late +
  0.5 * looms$load * (looms$tension == "H") + mill[as.integer(substr(looms$mill, 2, 3))] + rnorm(n, sd = 2), 3)
looms <- looms[, c("breaks", "mill", "wool", "tension", "load", "late")]
write.csv(looms, "data/marginal_looms.csv", row.names = FALSE, quote = FALSE)
looms$tension <- factor(looms$tension, levels = c("L", "M", "H"))
looms$wool <- factor(looms$wool)
hole <- subset(looms, !(wool == "B" & tension == "H"))
cake <- transform(read.csv("data/cake_splitplot.csv"), temperature = factor(temperature),
  replicate = factor(replicate), recipe = factor(recipe))
carrots <- read.csv("data/carrots.csv", colClasses = c(Consumer = "character", Homesize = "character"))

fits <- list(
  cake = lmer(angle ~ recipe * temperature + (1 | recipe:replicate), cake, control = control),
  carrots = lmer(Preference ~ sens2 * Homesize + (1 + sens2 | Consumer) + (1 | Product), carrots,
    control = lmerControl(optimizer = "bobyqa", calc.derivs = FALSE, optCtrl = list(rhobeg = 0.02, rhoend = 1e-10))),
  looms = lmer(breaks ~ wool * tension + tension * load + late + (1 | mill), looms, control = control),
  curved = lmer(breaks ~ wool + tension * poly(load, 2) + log(load) + (1 | mill), looms, control = control),
  spline = lmer(breaks ~ wool * splines::bs(load, knots = c(3, 6), Boundary.knots = c(1, 9)) + (1 | mill),
    looms, control = control),
  hole = lmer(breaks ~ wool * tension + load + (1 | mill), hole, control = control)
)
plain <- function(s) {
  out <- as.data.frame(s)
  for (name in names(out)) if (is.factor(out[[name]])) out[[name]] <- as.character(out[[name]])
  names(out)[names(out) %in% c("emmean") | grepl("\\.trend$", names(out))] <- "estimate"
  out
}
table_of <- function(e, adjust = "none") plain(summary(e, infer = c(TRUE, TRUE), adjust = adjust))
pairs_of <- function(e, methods, ...) {
  out <- list()
  for (m in methods) { set.seed(1); out[[m]] <- table_of(pairs(e, ...), adjust = m) }
  out
}
means <- function(fit, specs, df = "satterthwaite", ...) emmeans(fit, specs, lmer.df = df, ...)
all_methods <- c("none", "tukey", "mvt", "holm", "bonferroni", "sidak", "scheffe", "fdr")
out <- list()

e <- means(fits$cake, ~ temperature | recipe)
out$cake <- list(means = table_of(e), pairs = pairs_of(e, all_methods),
  poly = table_of(contrast(e, "poly")), effects = table_of(contrast(e, "eff")),
  consecutive = table_of(contrast(e, "consec")), control = {set.seed(1); table_of(contrast(e, "trt.vs.ctrl", ref = 2), "mvt")},
  joint = plain(test(contrast(e, "consec"), joint = TRUE)),
  interaction = table_of(contrast(means(fits$cake, ~ recipe * temperature), interaction = c("pairwise", "consec")), "bonferroni"))
e <- means(fits$cake, ~ recipe * temperature, "kenward-roger", at = list(temperature = c("175", "205")))
out$cake_kenward_roger <- list(means = table_of(e), pairs = pairs_of(e, c("none", "tukey", "mvt", "scheffe")))

e <- means(fits$carrots, ~ Homesize | sens2, at = list(sens2 = c(-2, 0, 3)))
t <- emtrends(fits$carrots, ~ Homesize, var = "sens2", lmer.df = "satterthwaite")
out$carrots <- list(means = table_of(e), pairs = pairs_of(e, "none"), trends = table_of(t),
  trend_pairs = pairs_of(t, "none"))

out$looms <- list()
for (w in c("equal", "proportional", "outer", "cells", "flat")) {
  e <- means(fits$looms, ~ tension, weights = w)
  out$looms[[w]] <- list(means = table_of(e), pairs = pairs_of(e, c("none", "tukey", "mvt")))
}
e <- means(fits$looms, ~ wool * tension, "kenward-roger")
out$looms$kenward_roger <- list(means = table_of(e), pairs = pairs_of(e, c("none", "tukey", "mvt", "holm")))
e <- means(fits$looms, ~ wool * tension)
out$looms$cells_compared <- pairs_of(e, all_methods)
e <- means(fits$looms, ~ tension, at = list(load = c(2, 4, 8), wool = "B"))
out$looms$at <- list(means = table_of(e))
t <- emtrends(fits$looms, ~ tension, var = "load", lmer.df = "satterthwaite")
out$looms$trends <- list(means = table_of(t), pairs = pairs_of(t, c("none", "tukey", "mvt")),
  joint = plain(test(contrast(t, "consec"), joint = TRUE)))

e <- means(fits$curved, ~ tension)
t <- emtrends(fits$curved, ~ tension, var = "load", lmer.df = "satterthwaite", delta.var = 1e-5)
out$curved <- list(means = table_of(e), pairs = pairs_of(e, "none"), trends = table_of(t))
e <- means(fits$spline, ~ wool | load, at = list(load = c(2, 5)))
t <- emtrends(fits$spline, ~ wool, var = "load", lmer.df = "satterthwaite", delta.var = 1e-5)
out$spline <- list(means = table_of(e), pairs = pairs_of(e, "none"), trends = table_of(t))

e <- means(fits$hole, ~ wool * tension)
out$hole <- list(means = table_of(e), pairs = pairs_of(e, "none"),
  tension = table_of(means(fits$hole, ~ tension)), wool_flat = table_of(means(fits$hole, ~ wool, weights = "cells")))

numbers <- c(0.01, 0.02, 0.03, 0.04, 0.05, 0.003, 0.9, NA, 0.02)
out$p_values <- list(p = numbers)
for (m in c("holm", "hochberg", "bonferroni", "BH", "BY")) out$p_values[[m]] <- p.adjust(numbers, m)
q <- expand.grid(q = c(0.5, 2, 4, 8), means = c(2, 3, 6, 20), df = c(2.5, 10, 33.3, 400))
q$p <- mapply(function(a, b, c) ptukey(a, b, c, lower.tail = FALSE), q$q, q$means, q$df)
out$studentised_range <- q
packages <- c("lme4", "lmerTest", "emmeans", "pbkrtest", "mvtnorm")
out$session <- as.list(c(R = as.character(getRversion()), sapply(packages, function(p) as.character(packageVersion(p)))))
write_json(out, "data/marginal_means.json", digits = I(15), auto_unbox = TRUE, na = "null", dataframe = "columns")
