{{/*
The components, and who may call whom: Deployments, Services, NetworkPolicies and tokens follow from this table.
  kubernetes    it calls the Kubernetes API
  serves        it has services on port 8443
  calls         the components that it calls, with its own identity
  controlPlane  it dials the control plane, with the cluster's credential
  store         it reaches the buckets, with credentials from STS
  fromTasks     task pods call it
*/}}
{{- define "homeplane.components" -}}
executor:
  { kubernetes: true, serves: false, calls: [secret-service], controlPlane: true, store: true, fromTasks: false }
operator:
  { kubernetes: true, serves: false, calls: [], controlPlane: true, store: false, fromTasks: false }
task-gateway:
  { kubernetes: true, serves: true, calls: [object-store-service], controlPlane: true, store: false, fromTasks: true }
object-store-service:
  { kubernetes: true, serves: true, calls: [], controlPlane: false, store: true, fromTasks: false }
log-provider:
  { kubernetes: true, serves: true, calls: [], controlPlane: false, store: true, fromTasks: false }
secret-service:
  { kubernetes: true, serves: true, calls: [], controlPlane: false, store: false, fromTasks: false }
tunnel-service:
  { kubernetes: false, serves: false, calls: [object-store-service, log-provider, secret-service], controlPlane: true, store: false, fromTasks: false }
{{- end }}
