package rbac

var podsPowers = []power{}
