{{/*
Where a URL leads, as a list of targets: a Service of this cluster by its namespace, an IP address exactly, any other host by its port, at every address but
the instance's own. Takes (dict "url" <url> "only" <targets, which replace it>).
*/}}
{{- define "homeplane.targets" -}}
{{- if .only -}}
{{- toYaml .only -}}
{{- else -}}
{{- $url := urlParse .url -}}
{{- $host := regexReplaceAll ":[0-9]+$" $url.host "" -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "80" "443" (eq $url.scheme "http")) | int -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+){3}$" $host -}}
- { cidr: {{ $host }}/32, ports: [{{ $port }}] }
{{- else if regexMatch "^\\[.*\\]$" $host -}}
- { cidr: "{{ trimPrefix "[" $host | trimSuffix "]" }}/128", ports: [{{ $port }}] }
{{- else if regexMatch "\\.svc(\\.cluster\\.local)?$" $host -}}
- { namespace: {{ index (splitList "." $host) 1 }}, ports: [{{ $port }}] }
{{- else -}}
- { cidr: 0.0.0.0/0, except: [168.63.129.16/32, 169.254.0.0/16], ports: [{{ $port }}] }
- { cidr: "::/0", except: ["fd00:ec2::/32", "fe80::/10"], ports: [{{ $port }}] }
{{- end -}}
{{- end -}}
{{- end }}

{{/* Targets as egress rules. Takes (dict "targets" <list> "protocols" <[TCP]>). */}}
{{- define "homeplane.egress" -}}
{{- $protocols := .protocols | default (list "TCP") -}}
{{- range .targets }}
{{- if .cidr }}
- to: [{ ipBlock: { cidr: {{ .cidr | quote }}{{ with .except }}, except: {{ toJson . }}{{ end }} } }]
{{- else }}
- to:
    - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .namespace }} } }
      {{- with .podLabels }}
      podSelector: { matchLabels: {{ toJson . }} }
      {{- end }}
{{- end }}
  ports:
    {{- range $port := .ports }}
    {{- range $protocols }}
    - { protocol: {{ . }}, port: {{ $port }} }
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{- define "homeplane.dnsTargets" -}}
{{- .Values.networkPolicies.dns | default (list (dict "namespace" "kube-system" "podLabels" (dict "k8s-app" "kube-dns") "ports" (list 53))) | toYaml -}}
{{- end }}

{{/* The object store's and its STS's, as our own components reach them. */}}
{{- define "homeplane.storeTargets" -}}
{{- $only := .Values.networkPolicies.objectStore -}}
{{- $urls := list (.Values.objectStore.endpoint | default (printf "https://s3.%s.amazonaws.com" .Values.objectStore.region)) -}}
{{- with .Values.objectStore.stsEndpoint }}{{ $urls = append $urls . }}{{ end -}}
{{- $found := list -}}
{{- range $urls -}}
{{- range fromYamlArray (include "homeplane.targets" (dict "url" . "only" $only)) }}{{ $found = append $found . }}{{ end -}}
{{- end -}}
{{- uniq $found | toYaml -}}
{{- end }}

{{/* Named, or looked up: once a rendering. */}}
{{- define "homeplane.apiServerTargets" -}}
{{- if not .Values.apiServerTargets -}}
{{- $found := .Values.networkPolicies.apiServer -}}
{{- if not $found -}}
{{- $slice := (lookup "discovery.k8s.io/v1" "EndpointSlice" "default" "kubernetes") | default dict -}}
{{- $ports := list -}}
{{- range $slice.ports }}{{ $ports = append $ports (int .port) }}{{ end -}}
{{- range $slice.endpoints -}}
{{- range .addresses }}{{ $found = append $found (dict "cidr" (printf "%s/%s" . (ternary "128" "32" (contains ":" .))) "ports" $ports) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- fail "networkPolicies.apiServer: must be the API server's addresses as [{ cidr, ports }], because no cluster can be asked here (kubectl get endpointslice kubernetes -n default tells them); or switch the policies off with networkPolicies.enabled=false" -}}
{{- end -}}
{{- $_ := set .Values "apiServerTargets" $found -}}
{{- end -}}
{{- toYaml .Values.apiServerTargets -}}
{{- end }}
