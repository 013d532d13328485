{{/*
Where a URL leads, as the `to` and `ports` of an egress rule: a Service of this cluster by its namespace, an IP address exactly, any other host by
its port. Takes (dict "url" <url> "only" <[{ cidr, port }], which replace it>).
*/}}
{{- define "homeplane.egress" -}}
{{- if .only }}
{{- range .only }}
- to: [{ ipBlock: { cidr: {{ .cidr | quote }} } }]
  ports: [{ protocol: TCP, port: {{ .port }} }]
{{- end }}
{{- else }}
{{- $url := urlParse .url }}
{{- $host := regexReplaceAll ":[0-9]+$" $url.host "" }}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "80" "443" (eq $url.scheme "http")) | int }}
{{- if regexMatch "^[0-9]+(\\.[0-9]+){3}$" $host }}
- to: [{ ipBlock: { cidr: {{ $host }}/32 } }]
{{- else if regexMatch "^\\[.*\\]$" $host }}
- to: [{ ipBlock: { cidr: "{{ trimPrefix "[" $host | trimSuffix "]" }}/128" } }]
{{- else if regexMatch "\\.svc(\\.cluster\\.local)?$" $host }}
- to: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ index (splitList "." $host) 1 }} } } }]
{{- else }}
- to:
    - ipBlock: { cidr: 0.0.0.0/0, except: [169.254.0.0/16] }
    - ipBlock: { cidr: "::/0", except: ["fe80::/10", "fd00:ec2::/32"] }
{{- end }}
  ports: [{ protocol: TCP, port: {{ $port }} }]
{{- end }}
{{- end }}

{{- define "homeplane.dnsPeers" -}}
{{- if .Values.networkPolicies.dns }}
{{- toYaml .Values.networkPolicies.dns }}
{{- else -}}
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: kube-system } }
{{- end }}
{{- end }}

{{/* A list of { cidr, port }: named, or looked up. */}}
{{- define "homeplane.apiServer" -}}
{{- $found := list -}}
{{- range .Values.networkPolicies.apiServer }}{{ $found = append $found . }}{{ end -}}
{{- if not $found -}}
{{- range (lookup "v1" "Endpoints" "default" "kubernetes").subsets -}}
{{- $ports := .ports -}}
{{- range .addresses -}}
{{- $ip := .ip -}}
{{- range $ports }}{{ $found = append $found (dict "cidr" (printf "%s/%s" $ip (ternary "128" "32" (contains ":" $ip))) "port" .port) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- fail "networkPolicies.apiServer: must be the API server's addresses as [{ cidr, port }], because no cluster can be asked here (kubectl get endpoints kubernetes -n default tells them); or switch the policies off with networkPolicies.enabled=false" -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}
