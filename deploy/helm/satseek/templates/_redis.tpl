{{/* The pod of a Redis: (dict "root" . "name" "queue"|"cache"). */}}
{{- define "satseek.redisPod" -}}
{{- $ := .root -}}
{{- $name := .name -}}
{{- $redis := index $.Values.redis $name -}}
{{- $image := $.Values.redis.image -}}
metadata:
  labels:
    {{- include "satseek.podLabels" (list $ (printf "redis-%s" $name)) | nindent 4 }}
  annotations:
    checksum/config: {{ list ($.Files.Get (printf "files/redis-%s.conf" $name)) $redis.maxMemory | toJson | sha256sum }}
spec:
  {{- include "satseek.podHead" $ | nindent 2 }}
  terminationGracePeriodSeconds: 30
  securityContext:
    {{- include "satseek.podSecurity" (mergeOverwrite (deepCopy $.Values.podSecurityContext) (empty $.Values.podSecurityContext.runAsUser | ternary dict (dict "runAsUser" 999 "runAsGroup" 999 "fsGroup" 999))) | nindent 4 }}
  {{- with $redis.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $redis.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: redis
      image: {{ include "satseek.reference" (list (default $.Values.image.registry $image.registry) $image.repository $image.tag $image.digest) }}
      imagePullPolicy: {{ $image.pullPolicy }}
      # the password comes from its file, and stands in no list of processes
      command: [sh, -c]
      args:
        - |
          exec redis-server - <<EOF
          $(cat /etc/redis/redis.conf)
          requirepass $(cat /run/secrets/redis/password)
          EOF
      ports:
        - name: redis
          containerPort: 6379
      startupProbe:
        exec: {command: [sh, -c, {{ include "satseek.redisAlive" . | quote }}]}
        periodSeconds: 5
        timeoutSeconds: 5
        # a long log is read first
        failureThreshold: 60
      readinessProbe:
        exec: {command: [sh, -c, {{ include "satseek.redisAlive" . | quote }}]}
        periodSeconds: 10
        timeoutSeconds: 5
      livenessProbe:
        exec: {command: [sh, -c, {{ include "satseek.redisAlive" . | quote }}]}
        periodSeconds: 20
        timeoutSeconds: 10
        failureThreshold: 6
      resources:
        {{- toYaml $redis.resources | nindent 8 }}
      securityContext:
        {{- include "satseek.containerSecurity" $ | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/redis
          readOnly: true
        - name: secrets
          mountPath: /run/secrets/redis
          readOnly: true
        - name: tmp
          mountPath: /tmp
        {{- if eq $name "queue" }}
        - name: data
          mountPath: /data
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "satseek.fullname" $ }}-redis-{{ $name }}
    - name: secrets
      secret:
        secretName: {{ $redis.existingSecret }}
        defaultMode: 0440
        items:
          - key: password
            path: password
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
{{- end }}

{{/* Answers PONG, and is not loading. */}}
{{- define "satseek.redisAlive" -}}
REDISCLI_AUTH="$(cat /run/secrets/redis/password)" redis-cli ping | grep -q PONG
{{- end }}

{{/* Its Service and its configuration: the same. */}}
{{- define "satseek.redisAround" -}}
{{- $ := .root -}}
{{- $name := .name -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "satseek.fullname" $ }}-redis-{{ $name }}
  labels:
    {{- include "satseek.labels" $ | nindent 4 }}
    app.kubernetes.io/component: redis-{{ $name }}
spec:
  type: ClusterIP
  selector:
    {{- include "satseek.selector" $ | nindent 4 }}
    app.kubernetes.io/component: redis-{{ $name }}
  ports:
    - name: redis
      port: 6379
      targetPort: redis
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "satseek.fullname" $ }}-redis-{{ $name }}
  labels:
    {{- include "satseek.labels" $ | nindent 4 }}
    app.kubernetes.io/component: redis-{{ $name }}
data:
  redis.conf: |
    {{- $.Files.Get (printf "files/redis-%s.conf" $name) | nindent 4 }}
    maxmemory {{ (index $.Values.redis $name).maxMemory }}
{{- end }}
