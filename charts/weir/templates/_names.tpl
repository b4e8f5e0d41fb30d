{{- define "weir.name" -}}
{{ .Values.name }}
{{- end }}
{{- define "weir.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- /* Whether the webhook's pods speak with the API server; empty where they do not. */}}
{{- define "weir.webhookAsks" -}}
{{ if or .Values.webhook.copiedPullSecrets .Values.webhook.checkSecrets .Values.webhook.podSecrets }}true{{ end }}
{{- end }}
