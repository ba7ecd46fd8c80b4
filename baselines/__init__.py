"""The methods EnCo is compared with, one file each."""
