"""The image viewers: NiiVue for planes, itkwidgets' front end for masks in 3D, and the routes that feed them."""
