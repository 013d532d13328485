{{/* config.yaml of the components: docs/reference/configuration.md. No credential is in it. */}}
{{- define "homeplane.config" -}}
{{- $v := .Values -}}
{{- $ns := .Release.Namespace -}}
{{- $s := $v.objectStore -}}
{{- $stsToken := has $v.identity.provider (list "aws" "sts") -}}
{{- $store := dict "kind" "s3" "region" $s.region "metadataBucket" $s.metadataBucket "fastRegistrationBucket" $s.fastRegistrationBucket "webIdentityTokenFile" "/var/run/secrets/homeplane-sts/token" "webIdentityAudience" (include "homeplane.stsAudience" .) -}}
{{- with $s.endpoint }}{{ $_ := set $store "endpoint" . }}{{ end -}}
{{- with $s.publicEndpoint }}{{ $_ := set $store "publicEndpoint" . }}{{ end -}}
{{- with ($s.stsEndpoint | default $s.endpoint) }}{{ $_ := set $store "stsEndpoint" . }}{{ end -}}
{{- if $stsToken -}}
{{- with $v.identity.platform }}{{ $_ := set $store "roleArn" . }}{{ end -}}
{{- with $v.identity.tasks }}{{ $_ := set $store "taskRoleArn" . }}{{ end -}}
{{- end -}}
{{- if $s.ca }}{{ $_ := set $store "caFile" "/etc/homeplane/ca/store-ca.crt" }}{{ end -}}
{{- $controlPlane := dict "url" $v.controlPlane.url "tokenFile" "/etc/homeplane/control-plane/token" -}}
{{- if not $v.controlPlane.publicCa }}{{ $_ := set $controlPlane "caFile" "/etc/homeplane/control-plane/ca.crt" }}{{ end -}}
{{- $annotations := merge (dict) $v.tasks.annotations -}}
{{- with $v.identity.tasks }}{{ $_ := set $annotations (include "homeplane.identityAnnotation" $) . }}{{ end -}}
{{- $podLabels := merge (dict) $v.tasks.podLabels -}}
{{- if eq $v.identity.provider "azure" }}{{ $_ := set $podLabels "azure.workload.identity/use" "true" }}{{ end -}}
{{- $tasks := dict "initImage" (include "homeplane.image" .) "serviceAccount" $v.tasks.serviceAccount "annotations" $annotations "podLabels" $podLabels "user" $v.tasks.user "gracePeriodSeconds" $v.tasks.gracePeriodSeconds "startGraceSeconds" $v.tasks.startGraceSeconds "defaultRequests" $v.tasks.defaultRequests "imagePullSecrets" $v.tasks.imagePullSecrets "nodeSelector" $v.tasks.nodeSelector "tolerations" $v.tasks.tolerations "priorityClassName" $v.tasks.priorityClassName "podSecurity" $v.tasks.podSecurity "caFiles" (list "/etc/homeplane/ca/ca-bundle.crt") -}}
{{- $egress := dict "dns" (fromYamlArray (include "homeplane.dnsTargets" .)) "extra" $v.taskNamespaces.egress.extra "except" $v.taskNamespaces.egress.except -}}
{{- /* A Service of this cluster is told by its namespace; anything else the operator works out from the addresses. */ -}}
{{- if or $v.networkPolicies.objectStore (regexMatch "\\.svc(\\.cluster\\.local)?(:|$)" (urlParse $s.endpoint).host) }}{{ $_ := set $egress "objectStore" (fromYamlArray (include "homeplane.storeTargets" .)) }}{{ end -}}
{{- $namespaces := dict "mode" $v.taskNamespaces.mode "overrides" $v.taskNamespaces.overrides "egress" $egress -}}
{{- with $v.taskNamespaces.quota }}{{ $_ := set $namespaces "quota" . }}{{ end -}}
{{- with $v.taskNamespaces.limitRange }}{{ $_ := set $namespaces "limitRange" . }}{{ end -}}
{{- $services := dict -}}
{{- range $key, $name := dict "taskGateway" "task-gateway" "objectStoreService" "object-store-service" "secretService" "secret-service" "logProvider" "log-provider" -}}
{{- $_ := set $services $key (printf "https://%s.%s.svc:8443" $name $ns) -}}
{{- end -}}
{{- dict
  "cluster" $v.cluster
  "org" $v.org
  "domains" $v.domains
  "namespace" $ns
  "logLevel" $v.logLevel
  "tls" (dict "certFile" "/etc/homeplane/tls/tls.crt" "keyFile" "/etc/homeplane/tls/tls.key" "caFile" "/etc/homeplane/ca/ca.crt")
  "identity" (dict "tokenFile" "/var/run/secrets/homeplane/token" "audience" "homeplane")
  "services" $services
  "controlPlane" $controlPlane
  "objectStore" $store
  "tasks" $tasks
  "namespaces" $namespaces
| toYaml -}}
{{- end }}
