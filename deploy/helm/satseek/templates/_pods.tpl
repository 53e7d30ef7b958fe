{{/* What all pods have in common: PodSecurity *restricted*, volumes, places. */}}

{{/* Security of a pod; ids are values, the rest is not to be weakened. Takes the ids. */}}
{{- define "satseek.podSecurity" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }}: {{ toJson $value }}
{{- end }}
{{- end }}
{{- end }}

{{- define "satseek.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* The head of every pod's spec. Services are not told by variables: one of them would be SATSEEK_PORT. */}}
{{- define "satseek.podHead" -}}
serviceAccountName: {{ include "satseek.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Resources of a container, with its GPUs: (list RESOURCES GPU). */}}
{{- define "satseek.resources" -}}
{{- $resources := deepCopy (index . 0) -}}
{{- $gpu := index . 1 -}}
{{- if gt (int $gpu.count) 0 -}}
{{- $_ := set $resources "limits" (mergeOverwrite (default (dict) $resources.limits) (dict $gpu.resource (int $gpu.count))) -}}
{{- end -}}
{{ toYaml $resources }}
{{- end }}

{{/* Where a pod may run: (dict "root" . "on" BLOCK "gpus" N "component" NAME). */}}
{{- define "satseek.places" -}}
{{- $ := .root -}}
{{- $gpus := int .gpus -}}
{{- if and (gt $gpus 0) $.Values.gpu.runtimeClassName }}
runtimeClassName: {{ $.Values.gpu.runtimeClassName }}
{{- end }}
{{- with .on.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .on.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $tolerations := concat (.on.tolerations | default list) (gt $gpus 0 | ternary $.Values.gpu.tolerations list) }}
{{- with $tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $affinity := .on.affinity | default dict }}
{{- if and (not $affinity) (ne .component "server") (eq $.Values.persistence.data.accessMode "ReadWriteOnce") }}
affinity:
  # a volume of one node: whoever else mounts it runs where the server does
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "satseek.selector" $ | nindent 12 }}
            app.kubernetes.io/component: server
{{- else if $affinity }}
affinity:
  {{- toYaml $affinity | nindent 2 }}
{{- end }}
{{- end }}

{{- define "satseek.spread" -}}
{{- $ := .root -}}
topologySpreadConstraints:
{{- if .on.topologySpreadConstraints }}
  {{- toYaml .on.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- $component := .component }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "satseek.selector" $ | nindent 8 }}
        app.kubernetes.io/component: {{ $component }}
{{- end }}
{{- end }}
{{- end }}

{{/* Mounts of a process of satseek: (dict "root" . "models" "ro"|"rw"). */}}
{{- define "satseek.mounts" -}}
{{- $ := .root -}}
- name: data
  mountPath: /data
{{- if $.Values.persistence.models.enabled }}
- name: models
  mountPath: /data/models
  readOnly: {{ ne .models "rw" }}
{{- end }}
{{- range $.Values.persistence.scenes }}
- name: scenes-{{ .name }}
  mountPath: {{ .mountPath }}
  readOnly: {{ hasKey . "readOnly" | ternary .readOnly true }}
{{- end }}
- name: tmp
  mountPath: /tmp
- name: config
  mountPath: /etc/satseek/config
  readOnly: true
{{- if include "satseek.secretFiles" $ }}
- name: secrets
  mountPath: /run/secrets/satseek
  readOnly: true
{{- end }}
{{- if $.Values.authorities }}
- name: authorities
  mountPath: /etc/satseek/authorities
  readOnly: true
{{- end }}
{{- end }}

{{/*
The container that makes the folder which the models are mounted at: (list . IMAGE PULL-POLICY). Who mounts it is root of the node, and may
write nothing where root is nobody (NFS with root_squash); nothing where models have no volume of their own.
*/}}
{{- define "satseek.modelsFolder" -}}
{{- $ := index . 0 -}}
{{- if $.Values.persistence.models.enabled -}}
- name: models-folder
  image: {{ index . 1 }}
  imagePullPolicy: {{ index . 2 }}
  command: [mkdir, -p, /data/models]
  resources:
    requests: {cpu: 10m, memory: 16Mi}
    limits: {cpu: 100m, memory: 64Mi}
  securityContext:
    {{- include "satseek.containerSecurity" $ | nindent 4 }}
  volumeMounts:
    - name: data
      mountPath: /data
{{- end }}
{{- end }}

{{/* The same as the field of a pod that has no other containers of the kind. */}}
{{- define "satseek.initContainers" -}}
{{- with include "satseek.modelsFolder" . -}}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The volumes of the same: (dict "root" .). */}}
{{- define "satseek.volumes" -}}
{{- $ := .root -}}
- name: data
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-data" (include "satseek.fullname" $)) $.Values.persistence.data.existingClaim }}
{{- if $.Values.persistence.models.enabled }}
- name: models
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-models" (include "satseek.fullname" $)) $.Values.persistence.models.existingClaim }}
    {{- if eq $.Values.persistence.models.accessMode "ReadOnlyMany" }}
    readOnly: true
    {{- end }}
{{- end }}
{{- range $.Values.persistence.scenes }}
- name: scenes-{{ .name }}
  persistentVolumeClaim:
    claimName: {{ .claim }}
    readOnly: {{ hasKey . "readOnly" | ternary .readOnly true }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: {{ $.Values.persistence.tmp.sizeLimit }}
- name: config
  configMap:
    name: {{ include "satseek.fullname" $ }}-config
{{- with include "satseek.secretFiles" $ }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- . | trim | nindent 6 }}
{{- end }}
{{- if $.Values.authorities }}
- name: authorities
  projected:
    sources:
      {{- range $setting, $source := $.Values.authorities }}
      - {{ empty $source.configMap | ternary "secret" "configMap" }}:
          name: {{ $source.configMap | default $source.secret }}
          items:
            - key: {{ $source.key }}
              path: {{ $setting }}
      {{- end }}
{{- end }}
{{- end }}

{{/* Each secret setting as a file named for it. */}}
{{- define "satseek.secretFiles" -}}
{{- range $setting := splitList " " (include "satseek.secretNames" $) }}
{{- with include "satseek.secret" (list $ $setting) | fromYaml }}
- secret:
    name: {{ .name }}
    items:
      - key: {{ .key }}
        path: {{ $setting }}
{{- end }}
{{- end }}
{{- end }}

{{/* What of the ConfigMap changes pods: a new one of these rolls them. (list . OWN) */}}
{{- define "satseek.checksum" -}}
checksum/config: {{ include "satseek.settings" . | sha256sum }}
{{- end }}

{{- define "satseek.dnsEdge" -}}
- to:
    {{- toYaml .Values.networkPolicy.dns | nindent 4 }}
  ports:
    {{- range .Values.networkPolicy.dnsPorts }}
    - port: {{ . }}
      protocol: UDP
    - port: {{ . }}
      protocol: TCP
    {{- end }}
{{- end }}
