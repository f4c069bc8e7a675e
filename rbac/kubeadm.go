package rbac

// kubeadm is what kubeadm binds beside what the API server creates (cmd/kubeadm/app/phases/{bootstraptoken,addons,
// uploadconfig,kubeconfig} of v1.37): the groups of joining and joined nodes, of the administrators, and kube-proxy.
const kubeadm = `
{"kind":"ClusterRoleBinding","metadata":{"name":"kubeadm:cluster-admins"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"Group","name":"kubeadm:cluster-admins"}]}
{"kind":"ClusterRole","metadata":{"name":"kubeadm:get-nodes"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["nodes"]}]}
{"kind":"ClusterRoleBinding","metadata":{"name":"kubeadm:get-nodes"},"roleRef":{"kind":"ClusterRole","name":"kubeadm:get-nodes"},"subjects":[{"kind":"Group","name":"system:bootstrappers:kubeadm:default-node-token"}]}
{"kind":"ClusterRoleBinding","metadata":{"name":"kubeadm:kubelet-bootstrap"},"roleRef":{"kind":"ClusterRole","name":"system:node-bootstrapper"},"subjects":[{"kind":"Group","name":"system:bootstrappers:kubeadm:default-node-token"}]}
{"kind":"ClusterRoleBinding","metadata":{"name":"kubeadm:node-autoapprove-bootstrap"},"roleRef":{"kind":"ClusterRole","name":"system:certificates.k8s.io:certificatesigningrequests:nodeclient"},"subjects":[{"kind":"Group","name":"system:bootstrappers:kubeadm:default-node-token"}]}
{"kind":"ClusterRoleBinding","metadata":{"name":"kubeadm:node-autoapprove-certificate-rotation"},"roleRef":{"kind":"ClusterRole","name":"system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"},"subjects":[{"kind":"Group","name":"system:nodes"}]}
{"kind":"ClusterRoleBinding","metadata":{"name":"kubeadm:node-proxier"},"roleRef":{"kind":"ClusterRole","name":"system:node-proxier"},"subjects":[{"kind":"ServiceAccount","name":"kube-proxy","namespace":"kube-system"}]}
{"kind":"ClusterRoleBinding","metadata":{"name":"kubeadm:apiserver-kubelet-client"},"roleRef":{"kind":"ClusterRole","name":"system:kubelet-api-admin"},"subjects":[{"kind":"User","name":"kube-apiserver-kubelet-client"}]}
{"kind":"Role","metadata":{"name":"kubeadm:bootstrap-signer-clusterinfo","namespace":"kube-public"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["configmaps"],"resourceNames":["cluster-info"]}]}
{"kind":"RoleBinding","metadata":{"name":"kubeadm:bootstrap-signer-clusterinfo","namespace":"kube-public"},"roleRef":{"kind":"Role","name":"kubeadm:bootstrap-signer-clusterinfo"},"subjects":[{"kind":"User","name":"system:anonymous"}]}
{"kind":"Role","metadata":{"name":"kubeadm:nodes","namespace":"kube-system"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["configmaps"],"resourceNames":["kubeadm-config","kubelet-config","kube-proxy"]}]}
{"kind":"RoleBinding","metadata":{"name":"kubeadm:nodes","namespace":"kube-system"},"roleRef":{"kind":"Role","name":"kubeadm:nodes"},"subjects":[{"kind":"Group","name":"system:bootstrappers:kubeadm:default-node-token"},{"kind":"Group","name":"system:nodes"}]}
{"kind":"ClusterRole","metadata":{"name":"system:coredns"},"rules":[{"verbs":["list","watch"],"apiGroups":[""],"resources":["endpoints","services","pods","namespaces"]},{"verbs":["list","watch"],"apiGroups":["discovery.k8s.io"],"resources":["endpointslices"]}]}
{"kind":"ClusterRoleBinding","metadata":{"name":"system:coredns"},"roleRef":{"kind":"ClusterRole","name":"system:coredns"},"subjects":[{"kind":"ServiceAccount","name":"coredns","namespace":"kube-system"}]}
`
