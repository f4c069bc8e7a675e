package rbac

var clusterPowers = []power{}
