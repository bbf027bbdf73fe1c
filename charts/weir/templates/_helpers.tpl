{{/* The name of everything that is made. */}}
{{- define "weir.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* What the pods are known by: it may never change. */}}
{{- define "weir.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The labels of everything. */}}
{{- define "weir.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{ include "weir.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* The service account of the pods. */}}
{{- define "weir.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "weir.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ required "serviceAccount.create is false and serviceAccount.name says nothing; say which service account is used: --set serviceAccount.name=NAME" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* The image, by digest where there is one. */}}
{{- define "weir.image" -}}
{{- $repository := required "image.repository says nothing; build the image with the Dockerfile of the repository, push it, and say where it is: --set image.repository=registry.example.org/weir" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" $repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end -}}
{{- end -}}

{{/* The service account as the subject of a binding. */}}
{{- define "weir.subjects" -}}
- kind: ServiceAccount
  name: {{ include "weir.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- /* The section of the runbook that is about an alert. */}}
{{- define "weir.runbook" -}}
{{- $top := index . 0 -}}
{{- printf "%s#%s" (trimSuffix "#" $top.Values.metrics.prometheusRule.runbookUrl) (index . 1) | quote -}}
{{- end }}

{{- /* The name of the port of metrics: that of the probes, unless they have one of their own. */}}
{{- define "weir.metricsPort" -}}
{{- if eq (int .Values.metrics.port) 8080 -}}http{{- else -}}metrics{{- end -}}
{{- end }}
