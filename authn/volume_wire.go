package authn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var networkVolume = nist190.Metadata{
	ID: "authn-network-volume", Title: "Network file system without encryption on the wire",
	Doc: `A volume of a network file system is mounted in plain text: what is read and written crosses the network as it is, and
whoever answers at the server's address is trusted.

NFS encrypts with sec=krb5p or xprtsec=tls, CephFS with ms_mode=secure. The EFS driver uses TLS unless encryptInTransit is
"false"; on Azure Files SMB is encrypted by the default of the account, and NFS with encryptInTransit: "true". A server of
SMB decides for its clients unless they ask with the option seal.

Before:

    mountOptions: [nfsvers=4.1]

After:

    mountOptions: [nfsvers=4.1, sec=krb5p]`,
	Claims: nist190.Claims("5g", "2d"), Controls: []string{"SC-8", "SC-8(1)"}, Severity: nist190.SeverityMedium,
	Remediation: "Mount with the option that encrypts, and have the server refuse what does not.",
	Limits: `Where the network between all nodes is encrypted (network-wire-encryption) and the server is in it, the mount need
not be. What drivers of block devices send is not judged.`,
}

// NetworkVolume finds network file systems that are mounted in plain text.
func NetworkVolume() nist190.Check {
	return onVolumes(networkVolume, inventory.JoinNeeds(EncryptionNeeds(), inventory.WorkloadNeeds(inventory.Incriminating)), checkNetworkVolume)
}

func checkNetworkVolume(ctx context.Context, ev *nist190.Eval, e *Encryption) error {
	byName, _, err := e.demand(ctx)
	if err != nil {
		return err
	}
	report := func(subject inventory.Ref, key string, d *driver, options []string, params map[string]string, at nist190.Evidence) {
		if d == nil || d.wire == noWire {
			return
		}
		out := nist190.Outcome{Subject: subject, Key: key, Evidence: []nist190.Evidence{at}}
		switch answer, why := e.transit(d, options, params); answer {
		case Yes:
			out.Status = nist190.Pass
		case No:
			out.Status, out.Message = nist190.Fail, "what is read and written crosses the network in plain text: "+why
		default:
			out.Status, out.Reason, out.Message = nist190.NotAssessed, nist190.ReasonUnknown, "whether the wire is encrypted is not known: "+why
		}
		ev.Report(out)
	}
	for name, c := range e.classes {
		if byName[name] != nil || c.byDefault {
			at := nist190.At(c.object, "provisioner").Showing(c.class.Provisioner)
			if len(c.class.MountOptions) > 0 {
				at = nist190.At(c.object, "mountOptions") // not shown: one of SMB can be a password
			}
			report(c.object.Ref(), "", c.driver, c.class.MountOptions, c.class.Parameters, at)
		}
	}
	for _, v := range e.byName {
		if c := e.classes[v.pv.Spec.StorageClassName]; c != nil && c.class.Provisioner == v.driverName && slices.Equal(c.class.MountOptions, v.pv.Spec.MountOptions) {
			continue // the class is told
		}
		var attributes map[string]string
		if csi := v.pv.Spec.CSI; csi != nil {
			attributes = csi.VolumeAttributes
		}
		options := v.pv.Spec.MountOptions
		if old := v.pv.Annotations[corev1.MountOptionAnnotation]; old != "" {
			options = append(slices.Clone(options), strings.Split(old, ",")...)
		}
		report(v.object.Ref(), "", v.driver, options, attributes, v.Evidence[0])
	}
	all, err := inventory.WorkloadsOf(ctx, ev.Inventory)
	if err != nil {
		return err
	}
	for _, w := range all {
		for u := range e.Uses(w) {
			if u.direct == nil {
				continue
			}
			var params map[string]string
			if u.source.CSI != nil {
				params = u.source.CSI.VolumeAttributes
			}
			report(w.Ref(), u.Name, u.direct, nil, params, nist190.Place(u.At, u.Kind))
		}
	}
	return nil
}

// transit is whether the data of a volume is encrypted on the wire.
func (e *Encryption) transit(d *driver, options []string, params map[string]string) (Answer, string) {
	has := func(want ...string) bool {
		return slices.ContainsFunc(options, func(o string) bool { return slices.Contains(want, strings.TrimSpace(o)) })
	}
	if v, ok := parameter(params, "mountOptions"); ok { // of volumes that pods describe
		options = append(slices.Clone(options), strings.Split(v, ",")...)
	}
	if v, ok := parameter(params, "kernelMountOptions"); ok {
		options = append(slices.Clone(options), strings.Split(v, ",")...)
	}
	inTransit, said := parameter(params, "encryptInTransit")
	on := strings.EqualFold(inTransit, "true")
	protocol, _ := parameter(params, "protocol")
	switch d.wire {
	case nfsWire:
		if has("sec=krb5p", "xprtsec=tls", "xprtsec=mtls") {
			return Yes, ""
		}
		return No, "NFS without sec=krb5p or xprtsec=tls"
	case smbWire:
		if has("seal") {
			return Yes, ""
		}
		return Undecided, "the SMB server decides, since the option seal is not set"
	case cephWire:
		switch {
		case has("ms_mode=secure"):
			return Yes, ""
		case has("ms_mode=crc", "ms_mode=legacy", "ms_mode=prefer-crc"):
			return No, "ms_mode of the mount is not secure"
		case e.cephSecure:
			return Yes, ""
		}
		return Undecided, "the mode of the Ceph cluster decides, since ms_mode is not set"
	case efsWire:
		if said && !on {
			return No, "encryptInTransit is off"
		}
		return Yes, ""
	case azureWire:
		if strings.EqualFold(protocol, "nfs") || strings.EqualFold(protocol, "nfsv3") {
			if on {
				return Yes, ""
			}
			return No, "NFS without encryptInTransit"
		}
		return Yes, ""
	}
	if on {
		return Yes, ""
	}
	return No, fmt.Sprintf("encryptInTransit of %s is off", d.names[0])
}
