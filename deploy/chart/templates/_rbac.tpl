{{/*
What each component asks of the Kubernetes API, and nothing more; test/chart/rights.test.ts has the matrix.
  cluster    everywhere: what it watches, and what has no namespace
  tasks      in task namespaces alone: the operator binds this role there
  own        in the release's namespace
  secrets    in homeplane-secrets
*/}}
{{- define "homeplane.rights" -}}
executor:
  cluster:
    - { apiGroups: [flyte.org], resources: [taskactions], verbs: [list, watch] }
    - { apiGroups: [""], resources: [pods], verbs: [list, watch] }
  tasks:
    - { apiGroups: [flyte.org], resources: [taskactions], verbs: [get, patch, delete] }
    - { apiGroups: [flyte.org], resources: [taskactions/status], verbs: [patch] }
    # Its pods hold their TaskAction's deletion back (blockOwnerDeletion).
    - { apiGroups: [flyte.org], resources: [taskactions/finalizers], verbs: [update] }
    - { apiGroups: [""], resources: [pods], verbs: [get, create, delete] }
    # The kubelet says there what keeps a pod from its start.
    - { apiGroups: [""], resources: [events], verbs: [list] }
    # An action that somebody deletes is asked for whether its whole namespace goes.
    - { apiGroups: [""], resources: [namespaces], verbs: [get] }
  own:
    - { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create] }
    - { apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [executor], verbs: [get, update] }
operator:
  {{- if eq .Values.taskNamespaces.mode "create" }}
  cluster:
    - { apiGroups: [""], resources: [namespaces], verbs: [get, list, watch, create, patch] }
    - { apiGroups: [""], resources: [serviceaccounts, resourcequotas, limitranges], verbs: [get, list, watch] }
    - { apiGroups: [""], resources: [configmaps], resourceNames: [homeplane-trust], verbs: [get, list, watch] }
    - { apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [get, list, watch] }
    # It gives itself and the others their rights in a namespace that it makes: these roles and no others.
    - { apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [get, list, watch, create] }
    - apiGroups: [rbac.authorization.k8s.io]
      resources: [clusterroles]
      resourceNames: [union-operator-tasks, union-executor-tasks, union-task-gateway-tasks, union-log-provider-tasks, union-secret-service-tasks]
      verbs: [bind]
    # An order to abort may be for a namespace that is not there.
    - { apiGroups: [flyte.org], resources: [taskactions], verbs: [list] }
  {{- else }}
  cluster:
    - { apiGroups: [""], resources: [namespaces], verbs: [get] }
    - { apiGroups: [flyte.org], resources: [taskactions], verbs: [list] }
  {{- end }}
  tasks:
    - { apiGroups: [flyte.org], resources: [taskactions], verbs: [get, create, patch, delete] }
    - { apiGroups: [flyte.org], resources: [taskactions/status], verbs: [patch] }
  {{- if eq .Values.taskNamespaces.mode "create" }}
    - { apiGroups: [""], resources: [serviceaccounts, resourcequotas, limitranges, configmaps], verbs: [create, update, delete] }
    - { apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [create, update, delete] }
    - { apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [update, delete] }
    # Our rights in a namespace that is deleted go when no pod of ours is left.
    - { apiGroups: [""], resources: [pods], verbs: [list] }
  {{- else }}
    # They are checked, and told of where they differ.
    - { apiGroups: [""], resources: [serviceaccounts, resourcequotas, limitranges], verbs: [get] }
    - { apiGroups: [""], resources: [configmaps], resourceNames: [homeplane-trust], verbs: [get] }
    - { apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [get] }
    - { apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [get] }
  {{- end }}
  own:
    - { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create] }
    - { apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [operator], verbs: [get, update] }
task-gateway:
  cluster:
    - { apiGroups: [flyte.org], resources: [taskactions], verbs: [list, watch] }
    - { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }
  tasks:
    - { apiGroups: [flyte.org], resources: [taskactions], verbs: [get, create, patch, delete] }
    # A child holds its parent's deletion back (blockOwnerDeletion).
    - { apiGroups: [flyte.org], resources: [taskactions/finalizers], verbs: [update] }
object-store-service:
  cluster:
    - { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }
log-provider:
  cluster:
    - { apiGroups: [""], resources: [pods], verbs: [list, watch] }
    - { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }
  tasks:
    - { apiGroups: [""], resources: [pods], verbs: [get, patch] }
    - { apiGroups: [""], resources: [pods/log], verbs: [get] }
secret-service:
  cluster:
    - { apiGroups: [""], resources: [pods], verbs: [list, watch] }
    - { apiGroups: [""], resources: [namespaces], verbs: [list] }
    - { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }
  tasks:
    - { apiGroups: [""], resources: [pods], verbs: [get] }
    - { apiGroups: [""], resources: [secrets], verbs: [get, list, create, update, delete] }
  secrets:
    - { apiGroups: [""], resources: [secrets], verbs: [get, list, create, patch, delete] }
{{- end }}
