// Package config reads the configuration files of Kubernetes components: those of kube-apiserver (authentication,
// authorization, encryption at rest, admission, audit), KubeletConfiguration, KubeSchedulerConfiguration, kubeadm's and
// kubeconfigs. [Decode] takes and refuses what the component's own loader would, and the Problems of a document are what the
// component refuses it for after that.
//
// The structs are upstream's of Kubernetes 1.37, field by field, with these differences: payloads (keys, tokens, passwords)
// are a [Secret], which tells class and length alone; a duration is a [Duration], whose errors quote nothing; what is read
// by another program or plugin stays JSON. The module test/upstream compares every struct with upstream's type and every
// decoder with upstream's. Nothing here applies defaults.
package config
