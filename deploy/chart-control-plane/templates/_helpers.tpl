{{- define "homeplane.labels" -}}
{{ include "homeplane.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "homeplane.selector" -}}
app.kubernetes.io/name: control-plane
app.kubernetes.io/part-of: homeplane
{{- end }}

{{- define "homeplane.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "homeplane.clustersSecret" -}}
{{ .Values.existingSecret | default "homeplane-clusters" }}
{{- end }}

{{/* config.yaml of the control plane: docs/reference/configuration.md. No credential is in it. */}}
{{- define "homeplane.config" -}}
{{- $clusters := list -}}
{{- range .Values.clusters -}}
{{- $clusters = append $clusters (dict "name" .name "tokenFile" (printf "/etc/homeplane/clusters/%s" .name)) -}}
{{- end -}}
{{- dict
  "org" .Values.org
  "domains" .Values.domains
  "project" .Values.project
  "dataDir" "/var/lib/homeplane"
  "logLevel" .Values.logLevel
  "tls" (dict "certFile" "/etc/homeplane/tls/tls.crt" "keyFile" "/etc/homeplane/tls/tls.key")
  "clusters" $clusters
| toYaml -}}
{{- end }}

{{/* Host names of the certificate. */}}
{{- define "homeplane.hosts" -}}
{{- $host := printf "control-plane.%s.svc" .Release.Namespace -}}
{{- concat (list $host (printf "%s.cluster.local" $host) (printf "control-plane.%s" .Release.Namespace)) .Values.tls.hosts | uniq | toYaml -}}
{{- end }}
