{{/* satseek.toml, and the environment that says what the chart itself decides. */}}

{{/* A value as TOML: scalars and lists are written as in JSON, maps as inline tables. */}}
{{- define "satseek.toml" -}}
{{- if kindIs "map" . -}}
{{- $map := . -}}
{ {{ range $at, $key := keys $map | sortAlpha }}{{ if $at }}, {{ end }}{{ $key | quote }} = {{ include "satseek.toml" (index $map $key) }}{{ end }} }
{{- else if kindIs "slice" . -}}
[{{ range $at, $item := . }}{{ if $at }}, {{ end }}{{ include "satseek.toml" $item }}{{ end }}]
{{- else -}}
{{ . | toJson }}
{{- end -}}
{{- end }}

{{/* The settings of one component, its own over those of all: (list . OWN). Null takes a setting away. */}}
{{- define "satseek.settings" -}}
{{- $all := mergeOverwrite (deepCopy (index . 0).Values.settings) (deepCopy (index . 1)) -}}
{{- range $key := keys $all | sortAlpha }}
{{- $value := index $all $key }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ include "satseek.toml" $value }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where a secret setting comes from: yaml of {name, key}, or nothing. (list . SETTING) */}}
{{- define "satseek.secret" -}}
{{- $ := index . 0 -}}
{{- $setting := index . 1 -}}
{{- $redis := $.Values.redis -}}
{{- if index $.Values.secrets $setting }}
{{- index $.Values.secrets $setting | toYaml }}
{{- else if and (eq $setting "queue_url") $redis.queue.enabled }}
{{- dict "name" $redis.queue.existingSecret "key" "url" | toYaml }}
{{- else if and (eq $setting "redis_url") $redis.cache.enabled }}
{{- dict "name" $redis.cache.existingSecret "key" "url" | toYaml }}
{{- end }}
{{- end }}

{{- define "satseek.secretNames" -}}
ldap_bind_password milvus_token oidc_client_secret queue_url redis_url servers_token smtp_password webhook_secrets
{{- end }}

{{/* How every process of satseek is configured: (dict "root" . "component" NAME "settings" OWN). */}}
{{- define "satseek.env" -}}
{{- $ := .root -}}
{{- $all := mergeOverwrite (deepCopy $.Values.settings) (deepCopy .settings) -}}
- name: HOME
  value: /tmp
- name: SATSEEK_CONFIG
  value: /etc/satseek/config/{{ .component }}.toml
- name: SATSEEK_DATA_DIR
  value: /data
{{- if not $all.threads }}
- name: SATSEEK_THREADS
  valueFrom:
    resourceFieldRef:
      containerName: satseek
      resource: limits.cpu
      divisor: "1"
{{- end }}
{{- range $setting := splitList " " (include "satseek.secretNames" $) }}
{{- if include "satseek.secret" (list $ $setting) }}
- name: SATSEEK_{{ upper $setting }}_FILE
  value: /run/secrets/satseek/{{ $setting }}
{{- end }}
{{- end }}
{{- range $setting, $source := $.Values.authorities }}
- name: SATSEEK_{{ upper $setting }}
  value: /etc/satseek/authorities/{{ $setting }}
{{- end }}
{{- end }}

{{/* Address under which people reach the server, where the chart knows it. */}}
{{- define "satseek.publicUrl" -}}
{{- if .Values.ingress.enabled }}
{{- printf "%s://%s" (ternary "https" "http" .Values.ingress.tls.enabled) .Values.ingress.host }}
{{- else if .Values.gateway.enabled }}
{{- printf "https://%s" .Values.gateway.host }}
{{- end }}
{{- end }}
