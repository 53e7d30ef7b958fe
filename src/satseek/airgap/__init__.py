"""This release and what it needs → one archive that installs where no network leads out.

Knows no scene, index or server: wheels, pages, charts and models are files to it. What installs the
archive is no Python: ``deploy/airgap/install.sh``, which travels in it.
"""
