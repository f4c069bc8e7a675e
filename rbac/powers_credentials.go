package rbac

var credentialsPowers = []power{}
