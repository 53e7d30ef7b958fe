{{/* Names and labels. */}}

{{- define "satseek.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* At most 40 letters, so that suffixes and what controllers add still fit. */}}
{{- define "satseek.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "satseek.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "satseek.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "satseek.selector" -}}
app.kubernetes.io/name: {{ include "satseek.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of an object that belongs to no component. */}}
{{- define "satseek.labels" -}}
{{ include "satseek.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of a component's pods: what does not change from release to release. Takes (list . COMPONENT). */}}
{{- define "satseek.podLabels" -}}
{{- $ := index . 0 -}}
{{ include "satseek.selector" $ }}
app.kubernetes.io/component: {{ index . 1 }}
{{- with $.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "satseek.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "satseek.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "satseek.tlsSecret" -}}
{{- default (printf "%s-tls" (include "satseek.fullname" .)) .Values.ingress.tls.secretName }}
{{- end }}

{{/* The image of an `image` block: (list REGISTRY REPOSITORY TAG DIGEST). */}}
{{- define "satseek.reference" -}}
{{- with index . 0 }}{{ . }}/{{ end }}{{ index . 1 }}
{{- if index . 3 }}@{{ index . 3 }}{{ else }}:{{ index . 2 }}{{ end }}
{{- end }}

{{/* The image of satseek: (list . GPUS). */}}
{{- define "satseek.image" -}}
{{- $ := index . 0 -}}
{{- $image := $.Values.image -}}
{{- $tag := default $.Chart.AppVersion $image.tag -}}
{{- if gt (int (index . 1)) 0 }}
{{- include "satseek.reference" (list $image.registry $image.repository (printf "%s-cuda" $tag) $image.cudaDigest) }}
{{- else }}
{{- include "satseek.reference" (list $image.registry $image.repository $tag $image.digest) }}
{{- end }}
{{- end }}
