{{/* Labels of everything that the chart makes. Takes (dict "root" $ "component" <name or ""> ). */}}
{{- define "homeplane.labels" -}}
app.kubernetes.io/name: {{ .component | default "homeplane" }}
app.kubernetes.io/part-of: homeplane
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* What selects the pods of a component. Takes its name. */}}
{{- define "homeplane.selector" -}}
app.kubernetes.io/name: {{ . }}
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

{{- define "homeplane.secretsNamespace" -}}homeplane-secrets{{- end }}

{{- define "homeplane.controlPlaneSecret" -}}
{{ .Values.controlPlane.existingSecret | default "homeplane-control-plane" }}
{{- end }}

{{/* The pods' view of `identity`: what an annotation is called, and which audience its tokens have. */}}
{{- define "homeplane.identityAnnotation" -}}
{{- get (dict "aws" "eks.amazonaws.com/role-arn" "gcp" "iam.gke.io/gcp-service-account" "azure" "azure.workload.identity/client-id" "sts" "homeplane.dev/role-arn") .Values.identity.provider -}}
{{- end }}

{{- define "homeplane.stsAudience" -}}
{{- $usual := dict "aws" "sts.amazonaws.com" "sts" "sts.amazonaws.com" "azure" "api://AzureADTokenExchange" "gcp" "sts.amazonaws.com" -}}
{{ .Values.identity.audience | default (get $usual .Values.identity.provider) }}
{{- end }}
