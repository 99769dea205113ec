{{/* Selects the manager's pods: one install a namespace, so no release name in it. */}}
{{- define "hawser.selector" -}}
app.kubernetes.io/name: hawser
app.kubernetes.io/component: manager
{{- end }}

{{- define "hawser.labels" -}}
{{ include "hawser.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* Names outside of namespaces carry the manager's, so that two installs of a cluster don't meet. */}}
{{- define "hawser.clusterName" -}}
hawser-manager.{{ .Release.Namespace }}
{{- end }}

{{- define "hawser.managerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:hawser-manager
{{- end }}

{{- define "hawser.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* What the manager reads at /etc/hawser/config.json; README.md has its shape. */}}
{{- define "hawser.config" -}}
{{- with .Values -}}
{{- $agent := dict "image" .agent.image "pullPolicy" .image.pullPolicy "resources" .agent.resources "idleSeconds" .agent.idleSeconds -}}
{{ dict "podSubnets" .podSubnets "serviceSubnets" .serviceSubnets "alsoProxy" .alsoProxy "neverProxy" .neverProxy "dns" .dns "namespaces" .namespaces "direct" .direct "agent" $agent | toPrettyJson }}
{{- end }}
{{- end }}

{{/* What the manager does in every namespace that it serves. */}}
{{- define "hawser.watched" -}}
- apiGroups: [""]
  resources: [pods, services]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [apps]
  resources: [deployments, statefulsets, replicasets]
  verbs: [get, list, watch]
- apiGroups: [hawser.dev]
  resources: [intercepts]
  # Deleted when their time is over.
  verbs: [get, list, watch, delete]
- apiGroups: [hawser.dev]
  resources: [intercepts/status]
  verbs: [patch]
# The policy hawser-dry-run sees to it that this creates nothing.
- apiGroups: [""]
  resources: [pods]
  verbs: [create]
# Those that let clients come to a port by its number would keep them from an agent.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list]
# Pods without an agent make room for pods with one.
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end }}

{{/* What the policies of Sessions and Intercepts have in common. Called with the root and the resource's name. */}}
{{- define "hawser.policyVariables" -}}
- name: status
  expression: request.?subResource.orValue('') == 'status'
- name: manager
  expression: request.userInfo.username == '{{ include "hawser.managerUser" .root }}'
- name: owner
  expression: >-
    (request.operation == 'CREATE' ? object : oldObject).spec.user == request.userInfo.username
- name: controller
  expression: >-
    request.userInfo.username in ['system:kube-controller-manager',
    'system:serviceaccount:kube-system:generic-garbage-collector',
    'system:serviceaccount:kube-system:namespace-controller']
- name: revoker
  expression: >-
    authorizer.group('hawser.dev').resource('{{ .resource }}').namespace(oldObject.metadata.namespace)
    .name(oldObject.metadata.name).check('revoke').allowed()
{{- end }}

{{- define "hawser.policyValidations" -}}
- expression: request.operation != 'CREATE' || variables.owner
  message: spec.user is not the user who creates this
  messageExpression: >-
    'spec.user is "' + object.spec.user + '", but "' + request.userInfo.username + '" creates this'
  reason: Forbidden
- expression: >-
    request.operation == 'CREATE' || variables.status || variables.owner || variables.manager
    || variables.controller || variables.revoker
  message: only the owner, the manager, and who has the verb revoke may change or delete this
  messageExpression: >-
    'this belongs to "' + oldObject.spec.user + '": changing or deleting it needs the verb revoke on {{ .resource }}.hawser.dev'
  reason: Forbidden
- expression: "!variables.status || variables.manager"
  message: only the manager may set the status
  reason: Forbidden
{{- end }}
