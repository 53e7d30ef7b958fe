{{/*
What cannot work together, refused with a sentence before anything is installed.
What is misspelt or of a wrong type is refused before this by values.schema.json.
*/}}
{{- define "satseek.checks" -}}
{{- include "satseek.checkAccess" . }}
{{- include "satseek.checkSharing" . }}
{{- include "satseek.checkVolumes" . }}
{{- include "satseek.checkEdges" . }}
{{- include "satseek.checkScaling" . }}
{{- include "satseek.checkDoors" . }}
{{- end }}

{{- define "satseek.checkAccess" -}}
{{- $settings := mergeOverwrite (deepCopy .Values.settings) (deepCopy .Values.server.settings) -}}
{{- $auth := $settings.auth | default list -}}
{{- if and (not $auth) (not $settings.insecure) }}
{{- fail "settings.auth is empty: whoever reaches the server could do everything. Expected one or more of keys, oidc, ldap; or settings.insecure: true behind a gateway that authenticates" }}
{{- end }}
{{- if and (has "oidc" $auth) (not $settings.oidc_issuer) }}
{{- fail "settings.auth names oidc: expected settings.oidc_issuer, the issuer of the tokens" }}
{{- end }}
{{- if and (has "ldap" $auth) (not (and $settings.ldap_url $settings.ldap_base_dn)) }}
{{- fail "settings.auth names ldap: expected settings.ldap_url and settings.ldap_base_dn" }}
{{- end }}
{{- if and .Values.monitoring.serviceMonitor.enabled $auth (not .Values.monitoring.serviceMonitor.token.name) }}
{{- fail "monitoring.serviceMonitor.enabled: settings.auth asks Prometheus who it is. Expected monitoring.serviceMonitor.token.name, a Secret with an API key of scope metrics (it may be made after the installation)" }}
{{- end }}
{{- end }}

{{/* More than one pod at work needs a queue that they share, and a volume that many nodes may write to. */}}
{{- define "satseek.checkSharing" -}}
{{- $server := .Values.server -}}
{{- $several := or (gt (int $server.replicas) 1) $server.autoscaling.enabled .Values.worker.enabled -}}
{{- $queue := or .Values.redis.queue.enabled .Values.secrets.queue_url -}}
{{- if and $several (ne .Values.persistence.data.accessMode "ReadWriteMany") }}
{{- fail (printf "persistence.data.accessMode is %s, but several pods are to write to the volume (server.replicas, server.autoscaling, worker.enabled): expected ReadWriteMany and a storage class that offers it (NFSv4, CephFS, Lustre)" .Values.persistence.data.accessMode) }}
{{- end }}
{{- if and $several (not $queue) }}
{{- fail "several pods are to do jobs (server.replicas, server.autoscaling, worker.enabled), and the queue in the data folder is for one machine: expected redis.queue.enabled, or secrets.queue_url for a Redis of yours" }}
{{- end }}
{{- if and .Values.rayJob.enabled (ne .Values.persistence.data.accessMode "ReadWriteMany") }}
{{- fail "rayJob.enabled: head and workers write to the data volume; expected persistence.data.accessMode: ReadWriteMany" }}
{{- end }}
{{- range $which, $setting := dict "queue" "queue_url" "cache" "redis_url" }}
{{- $redis := index $.Values.redis $which }}
{{- if and $redis.enabled (index $.Values.secrets $setting) }}
{{- fail (printf "expected one of redis.%s.enabled and secrets.%s, got both" $which $setting) }}
{{- end }}
{{- if and $redis.enabled (not $redis.existingSecret) }}
{{- fail (printf "redis.%s.enabled: expected redis.%s.existingSecret, a Secret with the keys password and url" $which $which) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "satseek.checkVolumes" -}}
{{- $models := .Values.persistence.models -}}
{{- if eq $models.accessMode "ReadOnlyMany" }}
{{- if and $models.enabled (not $models.existingClaim) }}
{{- fail "persistence.models.accessMode is ReadOnlyMany: nobody could fill a new volume; expected persistence.models.existingClaim" }}
{{- end }}
{{- if and $models.enabled (or .Values.modelLoad.enabled $models.workersWrite) }}
{{- fail "persistence.models.accessMode is ReadOnlyMany: modelLoad and persistence.models.workersWrite need ReadWriteMany" }}
{{- end }}
{{- end }}
{{- if and $models.enabled (eq $models.accessMode "ReadWriteOnce") (eq .Values.persistence.data.accessMode "ReadWriteMany") }}
{{- fail "persistence.models.accessMode is ReadWriteOnce, but pods of several nodes read it: expected ReadWriteMany or ReadOnlyMany" }}
{{- end }}
{{- if and .Values.modelLoad.enabled (not .Values.modelLoad.bundles) }}
{{- fail "modelLoad.enabled: expected modelLoad.bundles, files of `satseek model export-bundle`" }}
{{- end }}
{{- if .Values.restore.enabled }}
{{- if or (gt (int .Values.server.replicas) 0) .Values.server.autoscaling.enabled .Values.worker.enabled .Values.toolbox.enabled .Values.modelLoad.enabled .Values.rayJob.enabled }}
{{- fail "restore.enabled: nobody may use the data folder meanwhile; expected server.replicas: 0, and server.autoscaling, worker, toolbox, modelLoad and rayJob not enabled" }}
{{- end }}
{{- if not (or .Values.backup.enabled .Values.backup.existingClaim) }}
{{- fail "restore.enabled: expected backup.existingClaim, the volume that the backups are on" }}
{{- end }}
{{- end }}
{{- range $source := values .Values.authorities }}
{{- if eq (not $source.configMap) (not $source.secret) }}
{{- fail "authorities: expected one of configMap and secret for each" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whatever a setting names outside needs an edge, as everything else is denied. */}}
{{- define "satseek.checkEdges" -}}
{{- if .Values.networkPolicy.enabled }}
{{- $all := mergeOverwrite (deepCopy .Values.settings) (deepCopy .Values.server.settings) (deepCopy .Values.worker.settings) -}}
{{- $needs := dict "oidc" $all.oidc_issuer "ldap" $all.ldap_url "smtp" $all.smtp_host "webhooks" $all.webhook_hosts -}}
{{- $_ := set $needs "imagery" (concat ($all.stac_hosts | default list) ($all.reference_hosts | default list)) -}}
{{- $_ := set $needs "traces" $all.otlp_endpoint -}}
{{- $_ := set $needs "cluster" $all.executor_address -}}
{{- $_ := set $needs "milvus" .Values.secrets.milvus_token -}}
{{- $_ := set $needs "queue" .Values.secrets.queue_url -}}
{{- $_ := set $needs "cache" .Values.secrets.redis_url -}}
{{- range $name, $needed := $needs }}
{{- if and $needed (not (index $.Values.networkPolicy.destinations $name)) }}
{{- fail (printf "networkPolicy.destinations.%s is empty, but the settings name what it is for: expected a list such as [{to: [{ipBlock: {cidr: 10.0.0.5/32}}], ports: [443]}]" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "satseek.checkScaling" -}}
{{- range $name := list "server" "worker" }}
{{- $scaling := (index $.Values $name).autoscaling }}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) }}
{{- fail (printf "%s.autoscaling: expected minReplicas (%d) to be at most maxReplicas (%d)" $name (int $scaling.minReplicas) (int $scaling.maxReplicas)) }}
{{- end }}
{{- end }}
{{- $worker := .Values.worker }}
{{- if and $worker.autoscaling.enabled (not $worker.enabled) }}
{{- fail "worker.autoscaling.enabled: expected worker.enabled as well" }}
{{- end }}
{{- if and $worker.autoscaling.enabled (eq $worker.autoscaling.by "keda") (not $worker.autoscaling.prometheus) }}
{{- fail "worker.autoscaling.by is keda: expected worker.autoscaling.prometheus, the address of Prometheus" }}
{{- end }}
{{- $rest := .Values.worker.enabled | ternary 35 45 }}
{{- if lt (int .Values.server.terminationGracePeriodSeconds) (add (int .Values.server.drainSeconds) $rest) }}
{{- fail (printf "server.terminationGracePeriodSeconds: expected drainSeconds and %d at least, as the server drains for up to 30 s after it, and jobs of its own (worker.enabled: false) for 10 more" $rest) }}
{{- end }}
{{- end }}

{{- define "satseek.checkDoors" -}}
{{- $ingress := .Values.ingress -}}
{{- if and $ingress.enabled (not $ingress.host) }}
{{- fail "ingress.enabled: expected ingress.host, the name under which people reach the page" }}
{{- end }}
{{- if $ingress.grpc.enabled }}
{{- if not .Values.server.grpc.enabled }}
{{- fail "ingress.grpc.enabled: expected server.grpc.enabled as well" }}
{{- end }}
{{- if not (and $ingress.enabled $ingress.grpc.host $ingress.tls.enabled) }}
{{- fail "ingress.grpc.enabled: expected ingress.enabled, ingress.tls.enabled and ingress.grpc.host: ingress controllers speak HTTP/2 over TLS alone" }}
{{- end }}
{{- end }}
{{- $gateway := .Values.gateway }}
{{- if and $gateway.enabled (not (and $gateway.host $gateway.parentRefs)) }}
{{- fail "gateway.enabled: expected gateway.host, and in gateway.parentRefs the gateway that leads here" }}
{{- end }}
{{- if and $gateway.enabled .Values.server.tls.existingSecret }}
{{- fail "gateway.enabled with server.tls.existingSecret: the routes lead to plain HTTP; expected one of them, or ingress instead of the gateway" }}
{{- end }}
{{- if and $gateway.grpcHost (not .Values.server.grpc.enabled) }}
{{- fail "gateway.grpcHost: expected server.grpc.enabled as well" }}
{{- end }}
{{- if .Values.certManager.enabled }}
{{- if not (and .Values.certManager.issuer.name $ingress.enabled $ingress.tls.enabled) }}
{{- fail "certManager.enabled: expected certManager.issuer.name, ingress.enabled and ingress.tls.enabled" }}
{{- end }}
{{- end }}
{{- end }}
