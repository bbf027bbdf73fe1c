module weir.dev/tools/argocd

go 1.26.8

// Nothing of it is built: its definition of a kind is read.
require github.com/argoproj/argo-cd/v3 v3.5.7
