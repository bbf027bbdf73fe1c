module weir.dev/tools/prometheus-operator

go 1.26.8

// Nothing of it is built: its definitions of kinds are read.
require github.com/prometheus-operator/prometheus-operator v0.85.0
