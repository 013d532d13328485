{{/*
The CA and certificates of `tls.mode: generated`, made once a rendering and left in .Values: ca.crt, ca.key and, by component, tls.crt, tls.key and
renewAfter. What the cluster has already is kept, until the last third of its time.
*/}}
{{- define "homeplane.certificates" -}}
{{- if not .Values.made -}}
{{- $ns := .Release.Namespace -}}
{{- $now := now | unixEpoch | int64 -}}
{{- $made := dict -}}
{{- $ca := dict -}}
{{- $old := (lookup "v1" "Secret" $ns "homeplane-ca") | default dict -}}
{{- if $old.data -}}
{{- $ca = buildCustomCert (get $old.data "tls.crt") (get $old.data "tls.key") -}}
{{- else -}}
{{- $ca = genCA "homeplane" 3650 -}}
{{- end -}}
{{- $_ := set $made "ca" (dict "crt" $ca.Cert "key" $ca.Key) -}}
{{- range $name, $component := fromYaml (include "homeplane.components" .) -}}
{{- if $component.serves -}}
{{- $old := (lookup "v1" "Secret" $ns (printf "homeplane-tls-%s" $name)) | default dict -}}
{{- $annotations := dig "metadata" "annotations" dict $old | default dict -}}
{{- $renewAfter := get $annotations "homeplane.dev/renew-after" | default "0" | int64 -}}
{{- if and $old.data (gt $renewAfter $now) -}}
{{- $_ := set $made $name (dict "crt" (get $old.data "tls.crt" | b64dec) "key" (get $old.data "tls.key" | b64dec) "renewAfter" (toString $renewAfter)) -}}
{{- else -}}
{{- $host := printf "%s.%s.svc" $name $ns -}}
{{- $cert := genSignedCert $host nil (list $host (printf "%s.cluster.local" $host) (printf "%s.%s" $name $ns)) (int $.Values.tls.days) $ca -}}
{{- $_ := set $made $name (dict "crt" $cert.Cert "key" $cert.Key "renewAfter" (toString (add $now (mul (int64 $.Values.tls.days) 57600)))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set .Values "made" $made -}}
{{- end -}}
{{- end }}

{{/* The CA that our components' certificates are checked against. */}}
{{- define "homeplane.ca" -}}
{{- if eq .Values.tls.mode "generated" -}}
{{- include "homeplane.certificates" . -}}
{{ .Values.made.ca.crt }}
{{- else -}}
{{ required "tls.ca: is required with tls.mode secrets and certManager: the CA (PEM) of the components' certificates" .Values.tls.ca }}
{{- end -}}
{{- end }}
