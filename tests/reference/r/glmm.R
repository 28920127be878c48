# Reference fits of generalised mixed models: writes glmm_visits.csv and glmm_references.json.
# Run from tests/reference/data: Rscript ../r/glmm.R; needs lme4, glmmTMB, emmeans and jsonlite.
# cbpp_binomial.csv and verbagg_logit_crossed.csv are the data sets cbpp and VerbAgg of lme4.
suppressPackageStartupMessages({library(lme4); library(glmmTMB); library(jsonlite)})
options(digits = 17, contrasts = c("contr.treatment", "contr.poly"))

set.seed(20260423)
m <- 60; visits <- 6
d <- data.frame(patient = rep(sprintf("p%02d", 1:m), each = visits), week = rep(0:(visits - 1), m))
k <- as.integer(factor(d$patient))
d$clinic <- sprintf("c%d", (k - 1) %/% 8)
d$therapist <- sprintf("t%d", sample(1:9, nrow(d), TRUE))
d$arm <- ifelse(k %% 2 == 0, "active", "control")
d$days <- sample(14:42, nrow(d), TRUE)
u <- matrix(rnorm(2 * m), m) %*% chol(matrix(c(0.6, -0.05, -0.05, 0.06), 2))
v <- rnorm(9, 0, 0.5); w <- rnorm(8, 0, 0.4)
eta <- 0.4 - 0.15 * d$week - 0.5 * (d$arm == "active") + u[k, 1] + u[k, 2] * d$week
th <- v[as.integer(factor(d$therapist))]; cl <- w[as.integer(factor(d$clinic))]
d$falls <- rpois(nrow(d), exp(eta - 3 + log(d$days) + th))
d$attacks <- rnbinom(nrow(d), mu = exp(eta + cl), size = 1.7)
d$responder <- rbinom(nrow(d), 1, plogis(-eta + 0.3 + cl))
d$days_done <- rbinom(nrow(d), 14, plogis(eta + th))
d$coin <- rbinom(nrow(d), 1, plogis(0.2 - 0.1 * d$week))
d$adherence <- round(runif(nrow(d)), 3)
d$adherence[c(7, 100, 233)] <- NA
write.csv(d, "glmm_visits.csv", row.names = FALSE, quote = FALSE)
d <- read.csv("glmm_visits.csv")
cbpp <- read.csv("cbpp_binomial.csv", colClasses = c(herd = "character", period = "character"))
verb <- read.csv("verbagg_logit_crossed.csv", colClasses = c(id = "character"))
verb$y <- as.integer(verb$r2 == "Y")

tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.02, rhoend = 2e-9, maxfun = 1e5),
                      tolPwrss = 1e-12, check.conv.singular = "ignore", calc.derivs = TRUE)
terms_of <- function(v) {
  out <- list()
  for (g in names(v)) {
    s <- v[[g]]
    out[[length(out) + 1]] <- list(group = g, covariance = unname(as.matrix(s[, , drop = FALSE])))
  }
  out
}
by_glmer <- function(f, data, ...) {
  fit <- suppressWarnings(glmer(f, data, control = tight, ...))
  # The deviance that nAGQ > 1 reports leaves out the saturated model.
  list(loglik = as.numeric(logLik(fit)), beta = as.list(fixef(fit)),
       se = as.list(sqrt(diag(as.matrix(vcov(fit))))), random = terms_of(VarCorr(fit)),
       singular = isSingular(fit), n = nobs(fit),
       gradient = max(abs(fit@optinfo$derivs$gradient)))
}
by_tmb <- function(f, data, ...) {
  control <- glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14, x.tol = 1e-12))
  fit <- suppressWarnings(do.call(glmmTMB, list(formula = f, data = data, control = control, ...)))
  # Newton steps to the maximum: nlminb stops early.
  obj <- fit$obj; par <- fit$fit$par
  for (i in 1:4) {
    h <- optimHess(par, obj$fn, obj$gr, control = list(ndeps = rep(1e-4, length(par))))
    par <- par - solve(h, as.numeric(obj$gr(par)))
  }
  value <- as.numeric(obj$fn(par))
  h <- optimHess(par, obj$fn, obj$gr, control = list(ndeps = rep(1e-4, length(par))))
  covariance <- solve(h)
  b <- names(par) == "beta"
  label <- names(fixef(fit)$cond)
  out <- list(loglik = -value, beta = as.list(setNames(unname(par[b]), label)),
              se = as.list(setNames(sqrt(diag(covariance))[b], label)),
              random = lapply(names(VarCorr(fit)$cond), function(g)
                list(group = g, covariance = unname(matrix(VarCorr(fit)$cond[[g]], nrow(VarCorr(fit)$cond[[g]]))))),
              n = nobs(fit), gradient = max(abs(obj$gr(par))))
  if (any(names(par) == "betad")) out$size <- unname(exp(par[names(par) == "betad"]))
  out
}
cases <- list()
add <- function(name, file, formula, family, glmer = NULL, tmb = NULL, ...)
  cases[[name]] <<- c(list(file = file, formula = formula, family = family, ...),
                      list(glmer = glmer, glmmTMB = tmb))

f <- cbind(incidence, size - incidence) ~ period + (1 | herd)
for (q in c(1, 5, 25))
  add(paste0("cbpp_", q), "cbpp_binomial.csv", deparse1(f), "binomial", by_glmer(f, cbpp, family = binomial, nAGQ = q),
      if (q == 1) by_tmb(f, cbpp, family = binomial), quadrature = q)
cases$cbpp_1$modes <- local({
  found <- ranef(glmer(f, cbpp, family = binomial, control = tight), condVar = TRUE)$herd
  list(herd = rownames(found), value = found[[1]], sd = sqrt(as.vector(attr(found, "postVar"))))
})
cases$cbpp_1$marginal <- local({
  fit <- glmer(f, cbpp, family = binomial, control = tight)
  table <- as.data.frame(emmeans::emmeans(fit, ~ period, type = "response"))
  lapply(table[c("period", "prob", "SE", "asymp.LCL", "asymp.UCL")], function(v) if (is.factor(v)) as.character(v) else v)
})
f <- r2 ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)
g <- y ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)
add("verbagg", "verbagg_logit_crossed.csv", deparse1(f), "binomial", NULL, by_tmb(g, verb, family = binomial))

f <- falls ~ week * arm + (1 | patient)
o <- falls ~ week * arm + offset(log(days)) + (1 | patient)
for (q in c(1, 5, 25))
  add(paste0("falls_offset_", q), "glmm_visits.csv", deparse1(o), "poisson",
      by_glmer(o, d, family = poisson, nAGQ = q), if (q == 1) by_tmb(o, d, family = poisson), quadrature = q)
f <- falls ~ week + arm + offset(log(days)) + (1 + week | patient) + (1 | therapist)
add("falls_slope_crossed", "glmm_visits.csv", deparse1(f), "poisson",
    by_glmer(f, d, family = poisson), by_tmb(f, d, family = poisson))
f <- attacks ~ week + arm + (1 | patient)
add("attacks_poisson", "glmm_visits.csv", deparse1(f), "poisson",
    by_glmer(f, d, family = poisson), by_tmb(f, d, family = poisson))
add("attacks_size", "glmm_visits.csv", deparse1(f), "negative-binomial", NULL, by_tmb(f, d, family = nbinom2))
f <- attacks ~ week + arm + (1 | clinic/patient)
add("attacks_nested", "glmm_visits.csv", deparse1(f), "negative-binomial", NULL, by_tmb(f, d, family = nbinom2))
f <- responder ~ week + arm + (1 + week | patient)
add("responder_slope", "glmm_visits.csv", deparse1(f), "binomial",
    by_glmer(f, d, family = binomial), by_tmb(f, d, family = binomial))
f <- responder ~ week + arm + (1 + week || patient)
add("responder_uncorrelated", "glmm_visits.csv", deparse1(f), "binomial",
    by_glmer(f, d, family = binomial), NULL)
f <- responder ~ week + adherence + (1 | patient)
for (q in c(1, 25))
  add(paste0("responder_missing_", q), "glmm_visits.csv", deparse1(f), "binomial",
      by_glmer(f, d, family = binomial, nAGQ = q), if (q == 1) by_tmb(f, d, family = binomial), quadrature = q)
f <- cbind(days_done, 14 - days_done) ~ week + arm + (1 | patient) + (1 | therapist)
for (link in c("logit", "probit", "cloglog"))
  add(paste0("days_", link), "glmm_visits.csv", deparse1(f), "binomial",
      if (link == "logit") by_glmer(f, d, family = binomial(link)), by_tmb(f, d, family = binomial(link)), link = link)
f <- coin ~ week + (1 | therapist)
add("coin_singular", "glmm_visits.csv", deparse1(f), "binomial", by_glmer(f, d, family = binomial), NULL)
f <- falls ~ week + (1 | patient)
add("falls_weighted", "glmm_visits.csv", deparse1(f), "poisson", NULL,
    by_tmb(f, d, family = poisson, weights = d$days / 28), weights = "days / 28")

cases$session <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                      glmmTMB = as.character(packageVersion("glmmTMB")))
write_json(cases, "glmm_references.json", digits = NA, auto_unbox = TRUE, null = "null", matrix = "rowmajor")
