"""The engine of linear mixed models: one pass over the rows, then exact derivatives of the likelihood.

From the bottom up: `taylor` (values with their first and second derivatives), `layout` (which factor is
eliminated when), `crossproducts` (the one pass), `lead`, `eliminate` and `remainder` (the elimination),
`moments` (their sum), `deviance` (the profiled likelihood with gradient and Hessian), `search` (Newton),
`modes` (random effects) and `kenward_roger`.
"""
