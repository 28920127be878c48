# Reference fits of ordinal mixed models: writes ordinal_visits.csv, ordinal_large.csv, ordinal_references.json.
# Run from tests/reference/data: Rscript ../r/ordinal.R; needs ordinal and jsonlite.
# ordinal_wine.csv is the data set wine of ordinal.
suppressPackageStartupMessages({library(ordinal); library(jsonlite)})
options(digits = 17, contrasts = c("contr.treatment", "contr.poly"))

draw <- function(eta, alpha, inverse) {
  below <- sapply(alpha, function(a) inverse(a - eta))
  1L + rowSums(runif(length(eta)) > below)
}

set.seed(20260917)
m <- 120; visits <- 6
d <- data.frame(patient = rep(sprintf("p%03d", 1:m), each = visits), week = rep(0:(visits - 1), m))
k <- as.integer(factor(d$patient))
d$therapist <- sprintf("t%02d", sample(1:12, nrow(d), TRUE))
d$arm <- ifelse(k %% 2 == 0, "active", "control")
u <- matrix(rnorm(2 * m), m) %*% chol(matrix(c(1.6, -0.15, -0.15, 0.12), 2))
v <- rnorm(12, 0, 0.7)
eta <- -0.3 * d$week - 0.6 * (d$arm == "active") + u[k, 1] + u[k, 2] * d$week +
  v[as.integer(factor(d$therapist))]
d$pain <- draw(eta, seq(-4.5, 2.5, length.out = 10), plogis) - 1L
d$grade <- 3L + (d$pain > 2) + (d$pain > 4) + (d$pain > 6)
d$coin <- draw(0.3 * d$week, c(-0.5, 0.9), plogis)
d$times <- sample(1:3, nrow(d), TRUE)
write.csv(d, "ordinal_visits.csv", row.names = FALSE, quote = FALSE)

big <- expand.grid(week = 0:7, patient = 1:1000)
b <- rnorm(1000, 0, 1.3)
big$y <- draw(0.2 * big$week - 0.5 * (big$patient %% 2) + b[big$patient], c(-2, -0.5, 0.8, 2.2), plogis)
writeLines(apply(matrix(big$y, 1000, 8, byrow = TRUE), 1, paste, collapse = ","), "ordinal_large.csv")

wine <- ordinal::wine
write.csv(wine[, c("rating", "temp", "contact", "bottle", "judge")], "ordinal_wine.csv", row.names = FALSE,
          quote = FALSE)
d$pain_f <- factor(d$pain, ordered = TRUE); d$grade_f <- factor(d$grade, ordered = TRUE)
d$coin_f <- factor(d$coin, ordered = TRUE); d$patient <- factor(d$patient); d$therapist <- factor(d$therapist)
big$y <- factor(big$y, ordered = TRUE); big$arm <- big$patient %% 2; big$patient <- factor(big$patient)

tight <- clmm.control(method = "nlminb", maxIter = 200, gradTol = 1e-8,
                      optCtrl = list(rel.tol = 1e-14, x.tol = 1e-10, eval.max = 3000, iter.max = 2000))
one <- function(formula, data, ..., modes = FALSE) {
  cat(deparse(formula), "\n")
  arguments <- c(list(formula = formula, data = data, control = tight), list(...))
  took <- system.time(fit <- suppressWarnings(do.call(clmm, arguments)))[["elapsed"]]
  s <- suppressWarnings(coef(summary(fit)))
  spread <- lapply(VarCorr(fit), function(v) unname(as.matrix(v[, , drop = FALSE])))
  found <- list(loglik = as.numeric(logLik(fit)), aic = AIC(fit), bic = BIC(fit), alpha = unname(fit$alpha),
       threshold_estimates = unname(fit$Theta[1, ]), threshold_names = colnames(fit$Theta),
       beta = as.list(fit$beta), se = as.list(s[, "Std. Error"]), covariance = spread,
       gradient = max(abs(fit$gradient)), seconds = took,
       ranef = if (modes) unname(unlist(lapply(fit$ranef, as.numeric))),
       cond_var = if (modes && nrow(data) < 100) unname(unlist(lapply(fit$condVar, as.numeric))))
  found[!sapply(found, is.null)]
}
cases <- list(
  wine_logit = one(rating ~ temp + contact + (1 | judge), wine, modes = TRUE),
  wine_probit = one(rating ~ temp + contact + (1 | judge), wine, link = "probit"),
  wine_agq5 = one(rating ~ temp + contact + (1 | judge), wine, nAGQ = 5, modes = TRUE),
  wine_agq10_probit = one(rating ~ temp * contact + (1 | judge), wine, nAGQ = 10, link = "probit"),
  # clmm 2022.11 takes "loglog" for 1 - exp(-exp(x)) and "cloglog" for exp(-exp(-x)), the other way round than
  # clm and its own manual; shown by integrating over the judges at the estimates, "swapped" below.
  wine_agq10_cloglog = one(rating ~ temp + contact + (1 | judge), wine, nAGQ = 10, link = "loglog"),
  wine_cloglog = one(rating ~ temp + contact + (1 | judge), wine, link = "loglog"),
  wine_two_factors = one(rating ~ temp + contact + (1 | judge) + (1 | bottle), wine),
  wine_symmetric = one(rating ~ temp + contact + (1 | judge), wine, threshold = "symmetric"),
  wine_equidistant = one(rating ~ temp + contact + (1 | judge), wine, threshold = "equidistant", nAGQ = 7),
  visits_pain = one(pain_f ~ week * arm + (1 | patient), d),
  visits_pain_agq = one(pain_f ~ week * arm + (1 | patient), d, nAGQ = 7, link = "probit"),
  visits_weights = one(grade_f ~ week + arm + (1 | patient), d, weights = quote(times), nAGQ = 5),
  visits_crossed = one(grade_f ~ week + arm + (1 | patient) + (1 | therapist), d),
  visits_slope = one(grade_f ~ week + arm + (1 + week | patient), d, modes = TRUE),
  visits_slope_crossed = one(grade_f ~ week + arm + (1 + week | patient) + (1 | therapist), d, link = "probit"),
  visits_coin = one(coin_f ~ week + (1 | patient), d),
  large = one(y ~ week + arm + (1 | patient), big),
  large_agq = one(y ~ week + arm + (1 | patient), big, nAGQ = 9)
)
integral <- function(fit, below) {
  eta <- model.matrix(~ temp + contact, wine)[, -1] %*% unlist(fit$beta)
  k <- as.integer(wine$rating); ends <- c(-Inf, fit$alpha, Inf); sd <- sqrt(fit$covariance$judge[1])
  sum(sapply(split(seq_along(k), wine$judge), function(i) {
    f <- Vectorize(function(u) prod(below(ends[k[i] + 1] - eta[i] - sd * u) - below(ends[k[i]] - eta[i] - sd * u)))
    log(integrate(function(u) f(u) * dnorm(u), -8, 8, rel.tol = 1e-10)$value)
  }))
}
swapped <- list(clmm_loglog = cases$wine_agq10_cloglog$loglik,
                cloglog_at_its_estimates = integral(cases$wine_agq10_cloglog, function(x) 1 - exp(-exp(x))),
                loglog_at_its_estimates = integral(cases$wine_agq10_cloglog, function(x) exp(-exp(-x))))
session <- list(R = R.version.string, ordinal = as.character(packageVersion("ordinal")))
write_json(list(session = session, cases = cases, swapped = swapped), "ordinal_references.json", digits = NA, auto_unbox = TRUE,
           null = "null")
